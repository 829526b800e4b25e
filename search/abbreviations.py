"""Abbreviations that end in a full stop which does not end the sentence.

`OPENING` ones stand before what they belong to (a name, an example), so no sentence ends with them. `NUMBERING`
ones do so before a number, and are words or units elsewhere. `CLOSING` ones may end a sentence: it goes on only
if what follows does not look like a beginning. The language "" stands for all.
"""

from __future__ import annotations

from functools import cache
from typing import Final

OPENING: Final[dict[str, str]] = {
    "": "dr mr mrs ms prof st vs cf ph.d e.g i.e",
    "be": "напр гл вул г.зн",
    "bg": "напр г-н г-жа проф ул бул т.е т.нар ген",
    "cs": "např tj tzv mj resp popř ul nám gen plk pplk mjr kpt por ing mgr mudr judr bc doc sv zv vč tzn",
    "da": "f.eks bl.a dvs hr fr jf pga ang inkl",
    "de": "z.b u.a d.h bzw hr fr dipl ing evtl ggf inkl zzgl vgl sog st gen bspw insb i.d.r mio abs",
    "el": "π.χ δηλ κ κα αρ οδ λεωφ βλ",
    "en": "sen rep gov gen col lt capt maj sgt adm cmdr rev hon pres messrs jan feb mar apr aug sept oct nov dec "
    "approx supt insp",
    "es": "sr sra srta dña d aprox gral cnel p.ej ej avda ud uds",
    "fi": "esim mm tri prof klo nro ts ks",
    "fr": "m mm mme mlle mgr bd cf chap env p.ex gén",
    "hr": "npr tzv tj ul sv gosp gđa ing gen",
    "hu": "pl ún ill kb dr özv ifj id u.n",
    "it": "sig sigg dott dott.ssa ing avv on es ecc gen mons p.es cfr",
    "lt": "pvz t.y vad g gerb dr",
    "nl": "bijv bv dhr mevr mw drs ir mr o.a m.n d.w.z gem zgn resp",
    "no": "f.eks bl.a dvs hr fr jf pga inkl",
    "pl": "m.in np tj tzn tzw ul al pl os im św bł ks bp abp kard prof dr hab mgr inż lek doc red gen płk ppłk "
    "mjr kpt por ppor sierż chor asp kom podkom nadkom insp adm kmdr hr prok mec sędz zob ww wg zw dot "
    "ds j.w śp czyt z-ca wz wojew pow gm",
    "pt": "sr sra srs dra exmo exma aprox gen cel av p.ex eng",
    "ro": "dl dna dnei ex gen col lt mr jud",
    "ru": "т.е т.н т.к им ул просп пл см ср напр св проф акад доц ген полк гл ред гр корр",
    "sk": "napr tj tzv resp ul nám gen plk mjr kpt ing mgr mudr judr bc doc sv zv tzn",
    "sl": "npr t.i t.j oz g ga gen dr mag ul",
    "sr": "нпр тзв тј ул св ген npr tzv tj ul sv gen",
    "sv": "t.ex bl.a d.v.s dvs s.k resp ang inkl",
    "tr": "örn bkz sn av doç prof alb gen org yrd mah cad",
    "uk": "т.зв т.т ім вул просп пл буд стор див напр св проф акад доц ген полк гл ред гр оп тел",
}  # fmt: skip

_NUMBERING: Final = (
    "no nos nr num núm art str p pp s fig vol tab rys рис табл pt pkt ust poz č čp br št sok kl ok ca t tel "
    "с ст п пп pág págs pag т бр стр д"
)
NUMBERING: Final = frozenset(_NUMBERING.split())

CLOSING: Final[dict[str, str]] = {
    "": "inc ltd co corp jr sr etc a.m p.m u.s u.k u.n e.u mln bn",
    "be": "г гг тыс млн млрд руб і.г.д",
    "bg": "г гг хил млн млрд лв и т.н",
    "cs": "r tzn tis mil mld mj atd apod aj hod min kč s.r.o a.s",
    "da": "kr mio mia osv o.s.v",
    "de": "mrd tsd usw etc jh jhd uhr std min u.s.w",
    "en": "pct cts mths dlrs shrs vs dept est ave blvd",
    "es": "ee.uu etc s.a c.v",
    "fi": "jne ym yms milj mrd",
    "fr": "etc av j.-c",
    "hr": "god st tis mil mlrd itd itsl d.o.o",
    "it": "ecc s.p.a s.r.l",
    "pl": "r rr w ww zł gr tys godz mln mld proc min sek itd itp m.st s.a o.o n.e p.n.e br ub km kg woj",
    "pt": "etc s.a ltda",
    "ru": "г гг в вв тыс млн млрд трлн руб коп долл проц др т.д т.п н.э ч мин сек чел",
    "sk": "r tis mil mld atď apod hod min s.r.o a.s",
    "sl": "itd ipd mio mrd d.o.o",
    "sv": "kr milj md osv m.m",
    "uk": "р рр ст тис млн млрд трлн грн коп дол ін т.д т.п н.е год хв сек",
}  # fmt: skip


@cache
def opening(lang: str) -> frozenset[str]:
    """Abbreviations of a language that no sentence ends with, lower case, without their last full stop."""
    return frozenset(f"{OPENING['']} {OPENING.get(lang, '')}".split())


@cache
def closing(lang: str) -> frozenset[str]:
    """Abbreviations that a sentence may end with."""
    return frozenset(f"{CLOSING['']} {CLOSING.get(lang, '')}".split())
