import pytest

from sayso.catalog.reference import choose, parse_reference, recognise
from sayso.catalog.snapshot import HubSource
from sayso.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("a/b", HubSource("a/b", "main")),
        ("a/b@v1.0", HubSource("a/b", "v1.0")),
        ("a/b:x-Q4_K_M.gguf", HubSource("a/b", "main", ("x-Q4_K_M.gguf",))),
        ("a/b@v1:sub/x.gguf", HubSource("a/b", "v1", ("sub/x.gguf",))),
    ],
)
def test_a_reference_names_repository_revision_and_file(text: str, source: HubSource) -> None:
    snapshot = parse_reference(text)
    assert (snapshot.id, snapshot.source) == (text, source)


@pytest.mark.parametrize("text", ["", "a", "a/b/c", "/a/b", "a/b@", "a/b:", "https://a/b", "a/b c", "-a/b"])
def test_anything_else_is_no_reference(text: str) -> None:
    with pytest.raises(ConfigurationError):
        parse_reference(text)


def test_documentation_and_code_stay_behind() -> None:
    names = [
        "README.md",
        ".gitattributes",
        "LICENSE",
        "model.bin",
        "vocabulary.txt",
        "modeling.py",
        "assets/a.png",
    ]
    assert choose(names, ()) == ("model.bin", "vocabulary.txt")


def test_several_variants_need_a_choice() -> None:
    with pytest.raises(ConfigurationError, match=r"a\.gguf, b\.gguf"):
        choose(["a.gguf", "b.gguf"], ())
    assert choose(["a.gguf", "b.gguf"], ("b.gguf",)) == ("b.gguf",)
    with pytest.raises(ConfigurationError, match=r"c\.gguf"):
        choose(["a.gguf", "b.gguf"], ("c.gguf",))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["m.gguf"], ("chat", "openvino")),
        (["openvino_model.xml", "openvino_model.bin"], ("chat", "openvino")),
        (["model.bin", "vocabulary.txt", "config.json"], ("speech", "whisper")),
    ],
)
def test_files_tell_the_engine(names: list[str], expected: tuple[str, str]) -> None:
    assert recognise(names) == expected


def test_files_of_no_engine_are_refused() -> None:
    with pytest.raises(ConfigurationError):
        recognise(["model.safetensors", "config.json"])
