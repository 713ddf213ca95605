"""Where windows begin and end: at speech, and in a pause where there is one."""

from sayso.engines.whisper.features import HOP, WINDOW_FRAMES
from sayso.engines.whisper.hearing import Window
from sayso.engines.whisper.voice import VoiceActivity

LEAD_FRAMES = 50  # heard before the first speech of a window
MAX_LEAD_FRAMES = 500  # silence that is still decoded with what follows: it changes no words, a cut may
# Frames of a long recording's window that a pause ends, from and to: the short windows are the cheap ones.
CUTS = ((800, 1500), (1500, 2800))
FEW_WINDOWS_FRAMES = 2 * WINDOW_FRAMES  # up to which a recording is cut as rarely as can be: cuts cost words
RARE_CUTS = CUTS[1:]
MIN_PAUSE = 30  # frames in which nobody speaks; less may lie within a word
TAIL_FRAMES = 50  # of a long pause that are heard with what was said before


def plan_window(voice: VoiceActivity, seek: int, frames: int, samples: int) -> tuple[Window | None, int]:
    """Return the window that begins shortly before the next speech, and the frame to go on from.

    The window is None where nobody speaks in the 30 s from `seek` on. `frames` and `samples` are those of the
    whole audio. A clip is one window. A longer recording's window ends in the longest pause of the first
    stretch of `CUTS` (up to a minute `RARE_CUTS`) that has one; where there is none, with the audio, or after
    30 s and is not `fixed`.
    """
    end = min(seek + WINDOW_FRAMES, frames)
    last = end == frames
    begin_sample, end_sample = seek * HOP, samples if last else end * HOP
    voice.hear(end_sample)
    speech = voice.first_speech(begin_sample, end_sample)
    if speech is None:
        return None, end if last else end - LEAD_FRAMES
    lead = speech // HOP - seek
    if lead > MAX_LEAD_FRAMES:
        seek += lead - LEAD_FRAMES
    rest = frames - seek
    voice.hear(samples if rest <= WINDOW_FRAMES else (seek + WINDOW_FRAMES) * HOP)
    allowed = CUTS if frames > FEW_WINDOWS_FRAMES else RARE_CUTS
    if frames <= WINDOW_FRAMES or rest <= allowed[0][1]:
        return Window(seek, rest), frames
    stretches = allowed if rest > WINDOW_FRAMES else allowed[:1]
    cuts = (pause_frame(voice, seek + shortest, seek + longest) for shortest, longest in stretches)
    cut = next((cut for cut in cuts if cut is not None), None)
    if cut is not None:
        return Window(seek, cut - seek), cut
    if rest <= WINDOW_FRAMES:
        return Window(seek, rest), frames
    return Window(seek, WINDOW_FRAMES, fixed=False), seek


def pause_frame(voice: VoiceActivity, begin: int, end: int) -> int | None:
    """Return the frame at which to cut between two, in the longest pause, or None without any."""
    pause = voice.longest_pause(begin * HOP, end * HOP)
    if pause is None or pause[1] - pause[0] < MIN_PAUSE * HOP:
        return None
    first, last = pause[0] // HOP, pause[1] // HOP
    return min((first + last) // 2, first + TAIL_FRAMES)
