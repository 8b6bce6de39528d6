"""Language codes: MP4 and Matroska store three letters of ISO 639-2; HLS and DASH use tags of RFC 5646."""

from __future__ import annotations

import re
from typing import Final

# RFC 5646 section 2.2.1: the shortest code is used. ISO 639-2 has two codes for some languages.
_TWO_LETTER_CODES: Final = dict(
    re.findall(
        r"(\w+):(\w+)",
        """
    afr:af amh:am ara:ar aze:az bel:be ben:bn bod:bo tib:bo bos:bs bul:bg cat:ca ces:cs cze:cs cym:cy
    wel:cy dan:da deu:de ger:de ell:el gre:el eng:en epo:eo est:et eus:eu baq:eu fas:fa per:fa fin:fi
    fra:fr fre:fr gle:ga glg:gl guj:gu heb:he hin:hi hrv:hr hun:hu hye:hy arm:hy ind:id isl:is ice:is
    ita:it jpn:ja jav:jv kan:kn kat:ka geo:ka kaz:kk khm:km kor:ko kur:ku lao:lo lat:la lav:lv lit:lt
    ltz:lb mal:ml mar:mr mkd:mk mac:mk mlt:mt mon:mn msa:ms may:ms mya:my bur:my nep:ne nld:nl dut:nl
    nob:nb nno:nn nor:no pan:pa pol:pl por:pt pus:ps ron:ro rum:ro rus:ru sin:si slk:sk slo:sk slv:sl
    som:so spa:es sqi:sq alb:sq srp:sr swa:sw swe:sv tam:ta tel:te tgl:tl tha:th tur:tr ukr:uk urd:ur
    uzb:uz vie:vi yid:yi zho:zh chi:zh zul:zu
    aar:aa abk:ab aka:ak arg:an asm:as ava:av ave:ae aym:ay bak:ba bam:bm bis:bi bre:br cha:ch che:ce chu:cu
    chv:cv cor:kw cos:co cre:cr div:dv dzo:dz ewe:ee fao:fo fij:fj fry:fy ful:ff gla:gd glv:gv grn:gn hat:ht
    hau:ha her:hz hmo:ho ibo:ig ido:io iii:ii iku:iu ile:ie ina:ia ipk:ik kal:kl kas:ks kau:kr kik:ki kin:rw
    kir:ky kom:kv kon:kg kua:kj lim:li lin:ln lub:lu lug:lg mah:mh mlg:mg mri:mi mao:mi nau:na nav:nv nbl:nr
    nde:nd ndo:ng nya:ny oci:oc oji:oj ori:or orm:om oss:os pli:pi que:qu roh:rm run:rn sag:sg san:sa sme:se
    smo:sm sna:sn snd:sd sot:st srd:sc ssw:ss sun:su tah:ty tat:tt tgk:tg tir:ti ton:to tsn:tn tso:ts tuk:tk
    twi:tw uig:ug ven:ve vol:vo wln:wa wol:wo xho:xh yor:yo zha:za
        """,
    )
)


def language_tag(language: str) -> str:
    """Return the RFC 5646 tag of an ISO 639-2 code: "en" for "eng".

    A code without a two-letter form is returned unchanged; "und" replaces anything else.
    """
    is_code = len(language) == len("eng") and language.isascii() and language.isalpha()
    return _TWO_LETTER_CODES.get(language.lower(), language.lower()) if is_code else "und"
