"""What stands in the text of an article and is not its story.

Two sorts of rules. *Certain* ones know the very words: players, appeals to readers, reserved rights, the signature of
an agency at the end. *Likely* ones recognise a shape: a list of contents at the beginning, a "read also" and the
headline behind it. Likely rules together may not take more than a part of a text, for then the shape was the story's.
"""

from __future__ import annotations

import re

from backissue.indexer.headlines import headline_end, is_one_sentence

_MOST_REMOVED = 0.4
_LONGEST_LINK = 250
_LONGEST_CONTENTS = 3000


def without_boilerplate(text: str) -> str:
    """The story, with spaces and line ends left where something was taken out; nothing where there is no story."""
    certain = _without_signatures(_without_known_words(text))
    likely = _without_links(_without_contents(certain))
    if likely == certain:
        return certain
    return likely if len(likely.strip()) >= (1 - _MOST_REMOVED) * len(certain) else certain


# ---- certain: known words ----


def _verbose(pattern: str) -> str:
    """The pattern for a verbose one, in which a bare space means nothing."""
    return pattern.replace(" ", "[ ]")


_ANYWHERE = re.compile(
    r"""
      \b(?:WIDEO|VIDEO|Wideo)\s*:\s[^\n]{0,250}?(?=Twoja[ ]przeglądarka[ ]nie)  # the caption of a player
    | Twoja[ ]przeglądarka[ ]nie[ ](?:wspiera|obsługuje)[ ]odtwarzacza[ ](?:wideo|video)[.…]*
    | Widziałeś[ ]coś[ ]ważnego\?[ ]Przyślij[ ]zdjęcie,[ ]film[ ]lub[ ]napisz,[ ]co[ ]się[ ]stało\.?
    | Skorzystaj[ ]z[ ]naszej[ ]Wrzutni\b\.?
    | (?:Posłuchaj[ ]artykułu[ ])?Wykup[ ]subskrypcję[ ][^\n.]{1,30},[ ]aby[ ]posłuchać[ ]artykułu\.?
      (?:[ ]Masz[ ]subskrypcję\?[ ]Zaloguj[ ]się\.?)?(?:[ ]Dowiedz[ ]się[ ]więcej)?
      (?:[ ]Udostępnij(?:[ ]Facebook)?(?:[ ]Kopiuj[ ]link)?)?
    | Masz[ ]subskrypcję\?[ ]Zaloguj[ ]się\.?
    | Ładowanie(?:\.{3}|…)
    | Dalsza[ ]część[ ](?:artykułu|tekstu)[ ](?:znajduje[ ]się[ ])?
      pod[ ](?:materiałem[ ]wideo|wideo|filmem|reklamą|galerią)\.?
    | Your[ ]browser[ ]does[ ]not[ ]support[ ](?:the[ ]|this[ ]|HTML5[ ])*
      (?:video|audio|iframes?)(?:[ ](?:tag|element|player))?[.…]*
    | (?:Story|Article)[ ]continues[ ](?:below|after)[ ](?:this[ ])?(?:ad|advert|advertisement)\b\.?
    | Ihr[ ]Browser[ ]unterstützt[ ](?:dieses[ ]|das[ ])?Video(?:format)?[ ]?nicht[.…]*
    | Votre[ ]navigateur[ ]ne[ ]prend[ ]pas[ ]en[ ]charge[ ](?:la[ ]|cette[ ])?(?:balise[ ])?vidéo[.…]*
    | Tu[ ]navegador[ ]no[ ]soporta[ ](?:el[ ]|este[ ])?(?:elemento[ ]|reproductor[ ]de[ ])?v[ií]deo[.…]*
    | Ваш[ ]браузер[ ]не[ ](?:поддерживает|підтримує)[ ](?:HTML5[ ])?(?:видео|відео)[.…]*
    """,
    re.VERBOSE,
)
_TOLD_BY = (
    *("przeglądarka", "Widziałeś", "Wrzutni", "subskrypcję", "Ładowanie", "Dalsza część", "browser", "Browser"),
    *("continues", "navigateur", "navegador", "браузер"),
)
_SMALL = "a-zà-öø-ÿąćęłńśźżа-яёіїєґ"
_RESERVED = (
    r"(?:wszelkie prawa zastrzeżone|wszystkie prawa zastrzeżone|all rights reserved|alle rechte vorbehalten"
    r"|tous droits réservés|todos los derechos reservados|tutti i diritti riservati|todos os direitos reservados"
    r"|все права защищены|(?:всі|усі) права захищен[оі]|všechna práva vyhrazena|všetky práva vyhradené"
    r"|무단\s?전재[^\n]{0,20}금지|無断転載[^\n]{0,10}禁|版权所有|未经授权)"
    rf"(?!\s+(?-i:[{_SMALL}]))"  # rights reserved for someone, and the sentence goes on
)
_NO_STORY = re.compile(
    rf"""[^\w\n]{{0,6}}(?:
      (?:reklama|advertisement|anzeige|publicité|publicidad|pubblicità|реклама|광고|広告|广告
        |.{{1,40}}(?:[ ][|›»>][ ][^.|›»>]{{1,40}}){{2,6}}  # Daily | World | Reports
        |(?:obserwuj|śledź|follow|folgen[ ]sie|suivez|síg[au][en]*)[ ](?:nas|us|uns|nos|-?nos)[ ][^.]{{1,80}}
        |(?:підписуйтеся|подписывайтесь)[ ]на[ ](?:наш|наші|наши|нас)\b[^.]{{0,80}}
        |udostępnij|skomentuj|share[ ]this(?:[ ](?:article|story))?
        |(?:sign[ ]up[ ](?:for|to)|subscribe[ ]to)[ ]our[ ].{{0,60}}newsletters?
        |zapisz[ ]się[ ](?:do|na)[ ](?:nasz\w*[ ])?newsletter\w*)[^\w\n]{{0,6}}
    | (?:[©℗ⓒ]|\(c\)\s*\d{{4}}|copyright\b(?=.*?(?:[©℗]|\(c\)|\d{{4}}))|저작권자).{{0,200}}
    | (?:.{{0,120}}?[.!?…]\s+|.{{0,80}}?\d{{4}}[^.!?]{{0,60}}?)?{_verbose(_RESERVED)}.{{0,200}}
    )|[\s©℗ⓒ®|•·*_/-]+""",
    re.IGNORECASE | re.VERBOSE,
)
_LONGEST_NO_STORY = 400
_RIGHTS_TAIL = re.compile(
    rf"(?<=[.!?…\"”»)])\s+(?:[©℗ⓒ]|\(c\)\s*\d{{4}}|copyright\b\s*(?:[©℗]|\(c\)|by\b|\d{{4}})|{_RESERVED})[^\n]{{0,200}}\Z",
    re.IGNORECASE,
)
_MINING_TAIL = re.compile(
    r"\s*(?:Pobieranie, zwielokrotnianie, przechowywanie lub jakiekolwiek inne wykorzystywanie treści"
    r"|Systematyczne pobieranie treści, danych lub informacji z tej strony)[^\n]{0,2500}\Z"
)
_LONGEST_TAIL = 250
_LONGEST_MINING_TAIL = 2700


def _without_known_words(text: str) -> str:
    if any(word in text for word in _TOLD_BY):
        text = _ANYWHERE.sub(" ", text)
    if "pobieranie" in text or "Pobieranie" in text:
        tail = max(0, len(text) - _LONGEST_MINING_TAIL)
        text = text[:tail] + _MINING_TAIL.sub("", text[tail:])
    text = "\n".join(line for line in text.split("\n") if not _is_no_story(line))
    if rights := _RIGHTS_TAIL.search(text, max(0, len(text) - _LONGEST_TAIL)):
        text = text[: rights.start()]
    return text


def _is_no_story(line: str) -> bool:
    return 0 < len(line) <= _LONGEST_NO_STORY and _NO_STORY.fullmatch(line) is not None


# ---- certain: signatures at the end ----

_AGENCY = (
    r"(?:PAP(?: Biznes| MediaRoom)?|IAR|Reuters?|REUTERS?|AFP|AP|UPI|Associated Press|Bloomberg|dpa(?:-AFX)?|DPA|APA"
    r"|SDA|EFE|ANSA|Lusa|LUSA|ČTK|TASR|SITA|MTI|TASS|ТАСС|Interfax|Интерфакс|Інтерфакс-Україна|РИА Новости|Укрінформ"
    r"|Укринформ|Ukrinform|УНІАН|УНИАН|Yonhap|연합뉴스|뉴시스|뉴스1|Kyodo|共同通信|時事通信|共同|時事|Xinhua|新华社"
    r"|Belga|ANP|NTB|STT|BTA|Tanjug|HINA|Polska Agencja Prasowa)"
)
_NAME = _verbose(_AGENCY)
_NAMES = rf"{_NAME}(?:\s*[,/+;&]\s*{_NAME})*"
_ENDED = r"(?:(?<=[.!?…\"”»)\]。」])\s*|(?<=\n)|(?<=\A))"
_SITE = r"[\w-]+(?:\.[\w-]+)*\.(?:pl|com|eu|ua|de|org)"
_SIGNATURES = re.compile(
    rf"""
    (?: \s*[(\[]\s*{_NAMES}\s*[)\]]\.?                         # (PAP)
      | {_ENDED}[—–-]?\s*{_NAMES}                              # REUTER
      | {_ENDED}[(\[]?(?:[Źź]ródł[oa]|ŹRÓDŁO|[Ss]ources?|Quellen?|Fuentes?|Font[ei]|Джерел[оа]|Источники?|Zdroje?|출처)
          (?:\s+informacji)?\s*[:：]\s*(?=[^{_SMALL}\s]|dpa|inf|własne|own)[^\n.!?]{{1,80}}[)\].]?  # Source: AFP
      | (?:\s+(?:red\.?|oprac\.|[a-ząćęłńóśźż]{{2,4}}))?(?:\s*/\s*[a-ząćęłńóśźż]{{2,4}}){{0,4}}\s*/\s*
          (?:{_SITE}|{_NAME})(?:\s*/\s*{_NAME})*              # ab / cd / daily.pl
      | {_ENDED}\(?(?:red\.?|[Oo]prac\.:?\s*\w{{2,4}}\.?)\)?             # red.
      | {_ENDED}(?:[a-ząćęłńóśźż]{{2,4}}/[ ]?){{1,5}}               # ab/ cd/, who wrote and who edited
      | [\s©℗ⓒ]+
    )\Z
    """,
    re.VERBOSE,
)


_LONGEST_SIGNATURE = 120


def _without_signatures(text: str) -> str:
    end = len(text.rstrip())
    while (match := _SIGNATURES.search(text, max(0, end - _LONGEST_SIGNATURE), end)) and match[0]:
        end = match.start()
        while end and text[end - 1].isspace():
            end -= 1
    return text[:end]


# ---- likely: links to other articles ----

_LINK_WORDS = (
    r"zobacz(?: (?:także|też|również|więcej))?|(?:prze)?czytaj(?: (?:także|też|również|więcej|dalej))?|polecamy"
    r"|oglądaj|dowiedz się więcej|sprawdź(?: też| także| również)?|więcej na ten temat|to może cię zainteresować"
    r"|read (?:also|more|next)|also read|see also|related(?: (?:articles?|stories|story|news))?|more on this(?: story)?"
    r"|recommended|watch|don['’]t miss|lesen sie (?:auch|mehr|hier)|mehr zum thema|auch interessant"
    r"|(?:à )?lire (?:aussi|également)|à voir aussi|voir aussi|le[ea] también|lea además|te puede interesar|leer más"
    r"|leggi anche|lei?a também|čt[ěe]te (?:také|též)|přečtěte si (?:také|více)|(?:čítajte|prečítajte si) (?:aj|tiež)"
    r"|читайте (?:також|также)|дивіться також|смотрите также|до теми|по теме|материалы по теме|матеріали за темою"
    r"|관련\s?기사|함께 보기|関連記事|あわせて読みたい|相关阅读|相关新闻|延伸阅读"
)
_TWO_WORDS = r"(?=\S+\s\S|[^\x00-\u0fff])"  # a phrase of two words, or one of a script without spaces
_MARKER_LINE = re.compile(
    rf"^\W{{0,4}}(?:(?P<colon>(?:{_LINK_WORDS}|wideo|video|відео|видео)\s*(?:[:：]|[>»›|]+))|{_TWO_WORDS}(?:{_LINK_WORDS}))(?P<rest>[^\n]*)$",
    re.IGNORECASE,
)
_INLINE_MARKER = re.compile(rf"(?:(?<=[.!?…\"”»)])\s+|\A)((?:{_LINK_WORDS}|wideo|video)\s*)\Z", re.IGNORECASE)
_LONGEST_MARKER = 30
_BULLET = re.compile(r"^\s*(?:[-–—•*·►▶■●>»]|\d{1,2}[.)])\s*\S")


def _without_links(text: str) -> str:
    return _without_inline_links(_without_link_lines(text))


def _without_link_lines(text: str) -> str:
    """Lines that are a marker and a headline, and lists of headlines below a marker that stands alone."""
    kept: list[str] = []
    in_list = False
    for line in text.split("\n"):
        if not line.strip():
            kept.append(line)
        elif (match := _MARKER_LINE.match(line)) and _is_link(match):
            in_list = not match["rest"].strip(" :：>»›|…")
        elif in_list and _BULLET.match(line) and len(line) <= _LONGEST_LINK and not line.endswith("."):
            continue
        else:
            in_list = False
            kept.append(line)
    return "\n".join(kept)


def _is_link(match: re.Match[str]) -> bool:
    rest = match["rest"].strip()
    if len(rest) > _LONGEST_LINK:
        return False
    if match["colon"]:
        is_phrase = " " in match["colon"].strip(" :：>»›|")
        return not rest.endswith((".", ",", ";")) or (is_phrase and is_one_sentence(rest))
    # Without a colon it may be a sentence: a headline begins anew and ends without a full stop.
    return not rest or (rest[0].isupper() and not rest.endswith((".", ",", ";", ":")))


def _without_inline_links(text: str) -> str:
    """Markers with a colon within a line, and the headline that was run into the line after each."""
    pieces: list[str] = []
    at = 0
    for colon in re.finditer(r"[:：]\s*", text):
        before = text[max(0, colon.start() - _LONGEST_MARKER) : colon.start()].rpartition("\n")[2]
        marker = _INLINE_MARKER.search(before)
        if not marker or not _is_inline_marker(marker[1]) or colon.start() - len(marker[0]) < at:
            continue
        rest = text[colon.end() : colon.end() + _LONGEST_LINK].partition("\n")[0]
        end = len(rest) if " " in marker[1].strip() and is_one_sentence(rest) else headline_end(rest)
        if end is not None:
            pieces += [text[at : colon.start() - len(marker[0])], " "]
            at = colon.end() + end
    return "".join(pieces) + text[at:]


def _is_inline_marker(words: str) -> bool:
    """Capitals, or a phrase: a lone word before a colon, such as "Watch:", may be the story's own."""
    return words.isupper() or len(words.split()) > 1 or words[0] > "\u0fff"


# ---- likely: contents ----

_CONTENTS = re.compile(
    r"\A\W{0,4}(?:table of contents|contents|in this article|spis treści|w tym artykule|inhaltsverzeichnis|inhalt"
    r"|table des matières|sommaire|índice|tabla de contenidos|sommario|indice|obsah|содержание|оглавление|зміст"
    r"|목차|目次|目录)\b[ ]*[:：]?[ ]*",
    re.IGNORECASE,
)


_NUMBERED = re.compile(r"\s\d{1,2}[.)]\s")


def _without_contents(text: str) -> str:
    """A text without the list of its own headings that it begins with."""
    match = _CONTENTS.match(text)
    if not match:
        return text
    rest = text[match.end() :]
    if rest.startswith("\n"):
        return _after_listed(rest)
    line, _, story = rest.partition("\n")
    if story and len(_NUMBERED.findall(f" {line}")) > 1 and not line.endswith("."):
        return story
    return _after_run_in(rest, text)


def _after_listed(rest: str) -> str:
    """Entries on lines of their own: they are short and end without a full stop, until the story does neither."""
    lines = rest.split("\n")
    for number, line in enumerate(lines):
        entry = line.strip()
        prose = len(entry) > 120 or (entry.endswith((".", "。", "…")) and not _BULLET.match(entry))
        again = bool(entry) and entry in lines[:number]  # the first heading over its own part
        if prose or again:
            return "\n".join(lines[number:])
    return rest


def _after_run_in(rest: str, text: str) -> str:
    """Entries run into one line end where the first of them comes again, as a heading; otherwise nothing is sure."""
    opening = re.match(r"\s*(?:\S+\s+){2}\S+", rest[:200])
    if not opening:
        return text
    first = opening[0].strip()
    again = rest.find(first, opening.end(), _LONGEST_CONTENTS)
    if again < 0:
        return text
    last = " ".join(rest[:again].split()[-2:])
    return rest[again:] if rest.find(last, again) >= 0 or rest[:again].strip() == first else text
