"""Names of the months as dates write them, nominative and genitive, whole and short, casefolded."""

from __future__ import annotations

_NAMES: tuple[str, ...] = (
    # January
    "january jan styczeń stycznia sty січень січня січ январь января янв januar jänner jan janvier janv enero ene "
    "gennaio gen janeiro januari leden ledna január januára студзень студзеня",
    # February
    "february feb luty lutego lut лютий лютого лют февраль февраля фев февр februar feber février fevrier févr fév "
    "febrero feb febbraio fevereiro fev februari únor února február februára",
    # March
    "march mar marzec marca mar березень березня бер март марта мар märz maerz mrz mär mars marzo março maart březen "
    "března marec",
    # April
    "april apr kwiecień kwietnia kwi квітень квітня кві апрель апреля апр avril avr abril abr aprile duben dubna "
    "apríl apríla",
    # May
    "may maj maja травень травня тра май мая mai mayo may maggio maio mei květen května máj mája",
    # June
    "june jun czerwiec czerwca cze червень червня чер июнь июня июн juni juin junio giugno junho červen června jún "
    "júna",
    # July
    "july jul lipiec lipca lip липень липня лип июль июля июл juli juillet juil julio luglio julho července červenec "
    "júl júla",
    # August
    "august aug sierpień sierpnia sie серпень серпня сер август августа авг août aout agosto ago augustus srpen srpna "
    "augusta",
    # September
    "september sep sept wrzesień września wrz вересень вересня вер сентябрь сентября сен сент septembre septiembre "
    "setiembre settembre setembro set září septembra",
    # October
    "october oct październik października paź жовтень жовтня жов октябрь октября окт oktober okt octobre octubre "
    "ottobre outubro out říjen října október októbra",
    # November
    "november nov listopad listopada lis листопад листопада лис ноябрь ноября ноя нояб novembre noviembre novembro "
    "novembra",
    # December
    "december dec grudzień grudnia gru грудень грудня гру декабрь декабря дек dezember dez décembre decembre déc "
    "diciembre dic dicembre dezembro prosinec prosince decembra",
)

MONTHS: dict[str, int] = {
    name.casefold(): number for number, names in enumerate(_NAMES, start=1) for name in names.split()
}
"""Casefolded name → 1 to 12. Croatian, whose *listopad* is October and not November, is left out."""
