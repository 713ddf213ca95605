"""All chapters, in the order in which a newcomer needs them."""

from sayso.api.reference.account_routes import ADMINISTRATION, KEYS, PEOPLE, PROJECTS
from sayso.api.reference.data_routes import DATA
from sayso.api.reference.inference_routes import AUDIO, CHAT, COMPLETIONS, HEALTH, MODELS
from sayso.api.reference.instance_routes import INSTANCES
from sayso.api.reference.model_routes import NAMES
from sayso.api.reference.money_routes import BILLING, LIMITS, SPENDING, USAGE
from sayso.api.reference.note import Chapter

CHAPTERS: tuple[Chapter, ...] = (
    CHAT,
    COMPLETIONS,
    AUDIO,
    MODELS,
    PROJECTS,
    KEYS,
    PEOPLE,
    ADMINISTRATION,
    USAGE,
    LIMITS,
    SPENDING,
    BILLING,
    DATA,
    NAMES,
    INSTANCES,
    HEALTH,
)
