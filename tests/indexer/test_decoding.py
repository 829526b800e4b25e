import pytest

from backissue.indexer.readers.decoding import decode, encoding_of
from backissue.indexer.readers.problem import UnreadableError

POLISH = "Żółta łódź płynie wśród gęstej mgły, a ćma już śpi. Prognoza na jutro: słońce, później drobny deszcz."
CZECH = "Příliš žluťoučký kůň úpěl ďábelské ódy, řekl starosta města při včerejším zasedání zastupitelstva."
FRENCH = "L’été dernier, près de la forêt, le maire a déjà présenté son projet à côté de l’hôtel de ville, ça va."
GERMAN = "Die Brücke über den Fluß wird für Fußgänger geöffnet, während größere Schäden noch geprüft werden."
RUSSIAN = "Мэр города объявил о строительстве нового моста через реку, работы начнутся ещё весной этого года."
UKRAINIAN = "Міський голова оголосив про будівництво нового мосту через річку, роботи почнуться навесні її року."
GREEK = "Ο δήμαρχος ανακοίνωσε χθες την κατασκευή νέας γέφυρας πάνω από τον ποταμό της πόλης."
KOREAN = "시장은 어제 강을 가로지르는 새 다리를 건설하겠다고 발표했다. 공사는 내년 봄에 시작될 예정이다. " * 4


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (POLISH, "utf-8"),
        (POLISH, "utf-8-sig"),
        (POLISH, "utf-16"),
        (POLISH, "utf-16-le"),
        (POLISH, "utf-32"),
        (POLISH, "cp1250"),
        (POLISH, "iso8859-2"),
        (CZECH, "cp1250"),
        (CZECH, "iso8859-2"),
        (FRENCH, "cp1252"),
        (GERMAN, "cp1252"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8-r"),
        (UKRAINIAN, "cp1251"),
        (UKRAINIAN, "koi8-u"),
        (GREEK, "cp1253"),
        (KOREAN, "utf-8"),
        (KOREAN, "euc-kr"),
    ],
)
def test_encodings_are_recognised(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == text


def test_a_declared_encoding_is_believed_when_it_reads() -> None:
    assert decode("Årsmøte på Ås".encode("cp1252"), "iso-8859-1") == "Årsmøte på Ås"
    assert decode("żółw".encode(), "iso-8859-2") == "żółw"  # UTF-8 proves itself against a wrong declaration
    assert decode("żółw".encode(), "no such encoding") == "żółw"


def test_utf8_with_a_byte_lost_is_still_utf8() -> None:
    data = POLISH.encode() * 20
    damaged = data[:100] + data[101:] + "ż".encode()[:1]
    assert "słońce" in decode(damaged)


@pytest.mark.parametrize("data", [b"%PDF-1.7 ...", b"\x89PNG\r\n\x1a\n", bytes(range(256)) * 4, b"\0" * 100])
def test_binary_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableError) as caught:
        encoding_of(data)
    assert caught.value.kind == "binary"


def test_hopeless_bytes_are_refused_with_their_place() -> None:
    data = b"plain words, then " + bytes([0x81, 0x8D, 0x8F, 0x90, 0x9D, 0xFF, 0xFE, 0xC0] * 40)
    with pytest.raises(UnreadableError) as caught:
        decode(data)
    assert caught.value.kind == "encoding"
    assert "byte 18 " in caught.value.reason
