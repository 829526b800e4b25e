"""Abbreviations that end in a full stop which does not end the sentence.

`OPENING` ones stand before what they belong to (a name, a number, an example), so no sentence ends with them.
`CLOSING` ones may end one: it goes on only if what follows does not look like a beginning.
"""

from __future__ import annotations

from functools import cache
from typing import Final

OPENING: Final[dict[str, str]] = {
    "": "dr mr mrs ms prof st no vs cf fig vol ed eds tel ph.d e.g i.e",
    "be": "напр гл вул г.зн",
    "bg": "напр г-н г-жа проф ул бул т.е т.нар ген",
    "cs": "např tj tzv mj resp popř č čp str ul nám gen plk pplk mjr kpt por ing mgr mudr judr bc doc sv zv vč tzn",
    "da": "f.eks bl.a dvs ca nr kl hr fr jf pga ang inkl",
    "de": "z.b u.a d.h bzw ca nr str hr fr dipl ing evtl ggf inkl zzgl vgl sog st gen bspw insb i.d.r mio abs art "
    "max min",
    "el": "π.χ δηλ κ κα αρ οδ λεωφ βλ",
    "en": "sen rep gov gen col lt capt maj sgt adm cmdr rev hon pres messrs jan feb mar apr aug sept oct nov dec "
    "nos pp approx ave blvd supt insp",
    "es": "sr sra srta dña d núm pág págs art aprox gral cnel p.ej ej av avda ud uds",
    "fi": "esim ns mm tri prof klo nro ts ks",
    "fr": "m mm mme mlle mgr me av bd cf art chap env p.ex gén col cap",
    "hr": "npr tzv tj br ul sv gosp gđa ing gen",
    "hu": "pl ún ill kb dr özv ifj id u.n",
    "it": "sig sigg dott dott.ssa ing avv on art pag es ecc gen col cap mons p.es cfr",
    "lt": "pvz t.y vad nr g gerb dr",
    "nl": "bijv bv dhr mevr mw drs ir mr nl o.a m.n d.w.z ca nr gem zgn resp",
    "no": "f.eks bl.a dvs ca nr kl hr fr jf pga inkl",
    "pl": "m.in np tj tzn tzw ul al pl os im św bł ks bp abp kard prof dr hab mgr inż lek med doc red gen płk ppłk "
    "mjr kpt por ppor sierż chor asp kom podkom nadkom insp adm kmdr hr min prok mec sędz zob por pt nr art "
    "ust pkt poz str s rys tab ok godz ww wg zw dot ds j.w śp tel czyt z-ca wz wojew pow gm",
    "pt": "sr sra srs dra exmo exma núm pág art aprox gen cel av p.ex eng",
    "ro": "dl dna dnei str nr art pag ex gen col lt mr jud",
    "ru": "т.е т.н т.к им ул пр просп пл д стр см ср напр св проф акад доц ген полк гл ред гр чел тов рис табл ст п "
    "пп корр",
    "sk": "napr tj tzv resp č str ul nám gen plk mjr kpt ing mgr mudr judr bc doc sv zv tzn",
    "sl": "npr t.i t.j oz g ga gen dr mag ul št",
    "sr": "нпр тзв тј бр ул св ген npr tzv tj br ul sv gen",
    "sv": "t.ex bl.a d.v.s dvs ca nr kl s.k resp ang inkl",
    "tr": "örn bkz sn av doç prof alb gen org yrd mah cad sok no",
    "uk": "т.зв т.т ім вул просп пл буд стор див напр св проф акад доц ген полк гл ред гр рис табл ст п пп оп тел",
}  # fmt: skip

CLOSING: Final[dict[str, str]] = {
    "": "inc ltd co corp jr sr etc a.m p.m u.s u.k u.n e.u mln bn",
    "be": "г гг тыс млн млрд руб і.г.д",
    "bg": "г гг хил млн млрд лв и т.н",
    "cs": "r tzn tis mil mld mj atd apod aj hod min kč s.r.o a.s",
    "da": "kr mio mia osv o.s.v",
    "de": "mrd tsd usw etc jh jhd uhr std min u.s.w",
    "en": "pct cts mths dlrs shrs vs dept est",
    "es": "ee.uu etc s.a c.v",
    "fi": "jne ym yms milj mrd",
    "fr": "etc av j.-c",
    "hr": "god st tis mil mlrd itd itsl d.o.o",
    "it": "ecc s.p.a s.r.l",
    "pl": "r rr w ww zł gr tys mln mld proc godz min sek itd itp m.st s.a sp o.o n.e p.n.e br ub km kg",
    "pt": "etc s.a ltda",
    "ru": "г гг в вв тыс млн млрд трлн руб коп долл проц др пр т.д т.п н.э ч мин сек",
    "sk": "r tis mil mld atď apod a i hod min s.r.o a.s",
    "sl": "itd ipd mio mrd d.o.o",
    "sv": "kr milj md osv m.m",
    "uk": "р рр ст тис млн млрд трлн грн коп дол ін т.д т.п н.е год хв сек",
}


@cache
def opening(lang: str) -> frozenset[str]:
    """Abbreviations of a language that no sentence ends with, lower case, without their last full stop."""
    return frozenset(f"{OPENING['']} {OPENING.get(lang, '')}".split())


@cache
def closing(lang: str) -> frozenset[str]:
    """Abbreviations that a sentence may end with."""
    return frozenset(f"{CLOSING['']} {CLOSING.get(lang, '')}".split())
