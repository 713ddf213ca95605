"""The languages that Whisper knows: ISO 639 codes as its tokens spell them, and OpenAI's English names."""

_TABLE = """
af afrikaans|am amharic|ar arabic|as assamese|az azerbaijani|ba bashkir|be belarusian|bg bulgarian
bn bengali|bo tibetan|br breton|bs bosnian|ca catalan|cs czech|cy welsh|da danish|de german|el greek
en english|es spanish|et estonian|eu basque|fa persian|fi finnish|fo faroese|fr french|gl galician
gu gujarati|ha hausa|haw hawaiian|he hebrew|hi hindi|hr croatian|ht haitian creole|hu hungarian
hy armenian|id indonesian|is icelandic|it italian|ja japanese|jw javanese|ka georgian|kk kazakh|km khmer
kn kannada|ko korean|la latin|lb luxembourgish|ln lingala|lo lao|lt lithuanian|lv latvian|mg malagasy
mi maori|mk macedonian|ml malayalam|mn mongolian|mr marathi|ms malay|mt maltese|my myanmar|ne nepali
nl dutch|nn nynorsk|no norwegian|oc occitan|pa punjabi|pl polish|ps pashto|pt portuguese|ro romanian
ru russian|sa sanskrit|sd sindhi|si sinhala|sk slovak|sl slovenian|sn shona|so somali|sq albanian
sr serbian|su sundanese|sv swedish|sw swahili|ta tamil|te telugu|tg tajik|th thai|tk turkmen|tl tagalog
tr turkish|tt tatar|uk ukrainian|ur urdu|uz uzbek|vi vietnamese|yi yiddish|yo yoruba|yue cantonese
zh chinese
"""
_ALSO = {
    "burmese": "my",
    "castilian": "es",
    "flemish": "nl",
    "haitian": "ht",
    "fil": "tl",
    "in": "id",
    "iw": "he",
    "jv": "jw",  # the code of ISO 639-1; Whisper's token has the withdrawn one
    "letzeburgesch": "lb",
    "mandarin": "zh",
    "moldavian": "ro",
    "moldovan": "ro",
    "nb": "no",
    "panjabi": "pa",
    "pushto": "ps",
    "sinhalese": "si",
    "valencian": "ca",
}

LANGUAGE_NAMES: dict[str, str] = {
    code: name
    for entry in _TABLE.replace("\n", "|").split("|")
    if entry
    for code, _, name in [entry.partition(" ")]
}

_CODES = (
    {code: code for code in LANGUAGE_NAMES} | {name: code for code, name in LANGUAGE_NAMES.items()} | _ALSO
)


def language_name(code: str) -> str:
    """Return the English name in lower case, or the code itself where there is none."""
    return LANGUAGE_NAMES.get(code, code)


def language_code(written: str) -> str | None:
    """Return Whisper's code for an ISO 639-1 code, a BCP 47 tag (`pt-BR`) or an English name, in any case.

    None if it knows no such language.
    """
    word = written.strip().lower()
    return _CODES.get(word) or _CODES.get(word.replace("_", "-").partition("-")[0])
