"""Numbers by which states know people: check digits as published, and examples from the publishers."""

from values import DIGITS, draw, luhn, weighted, with_luhn


def verhoeff(digits):
    """Verhoeff's check over the dihedral group of order 10: whether the last digit fits (Aadhaar)."""

    def times(left, right):
        turned = (left + right) % 5 if left < 5 else (left - right) % 5
        return turned + 5 * ((left < 5) != (right < 5))

    one = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]
    check = 0
    for at, digit in enumerate(reversed(digits)):
        digit = int(digit)
        for _ in range(at % 8):
            digit = one[digit]
        check = times(check, digit)
    return check == 0


def iso7064_11_10(digits):
    """ISO 7064 mod 11,10, as in the German tax identification number."""
    product = 10
    for one in digits[:-1]:
        product = ((int(one) + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == int(digits[-1])


def italian(code):
    """The check letter of a codice fiscale (D.M. 23/12/1976)."""
    odd = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23]
    value = lambda one: int(one) if one in DIGITS else ord(one) - 65
    total = sum(odd[value(one)] if at % 2 == 0 else value(one) for at, one in enumerate(code[:15]))
    return chr(65 + total % 26) == code[15]


def singaporean(code):
    """The check letter of an NRIC of the series S and T."""
    total = weighted(code[1:8], (2, 7, 6, 5, 4, 3, 2)) + (4 if code[0] == "T" else 0)
    return "JZIHGFEDCBA"[total % 11] == code[8]


def only(text):
    """Its letters and digits."""
    return "".join(one for one in text if one.isalnum()).upper()


def ends_with(fits, start):
    """The start and whichever digit fits."""
    return next(start + one for one in DIGITS if fits(start + one))


HETU = "0123456789ABCDEFHJKLMNPRSTUVWXY"
CHECKS = {
    "us-ssn": lambda d: d[:3] not in ("000", "666") and d[0] != "9" and d[3:5] != "00" and d[5:] != "0000",
    "us-itin": lambda d: d[0] == "9" and (70 <= int(d[3:5]) <= 88 or 90 <= int(d[3:5]) <= 92 or int(d[3:5]) >= 94),
    "uk-nino": lambda d: d[0] not in "DFIQUV" and d[1] not in "DFIOQUV" and d[-1] in "ABCD",
    "uk-nhs": lambda d: (11 - weighted(d[:9], range(10, 1, -1)) % 11) % 11 == int(d[9]),
    "ca-sin": luhn,
    "de-steuer-id": iso7064_11_10,
    "fr-nir": lambda d: 97 - int(d[:13]) % 97 == int(d[13:]),
    "es-dni": lambda d: "TRWAGMYFPDXBNJZSQVHLCKE"[int(d[:8]) % 23] == d[8],
    "es-nie": lambda d: "TRWAGMYFPDXBNJZSQVHLCKE"[int("XYZ".index(d[0]).__str__() + d[1:8]) % 23] == d[8],
    "it-codice-fiscale": italian,
    "nl-bsn": lambda d: (weighted(d[:8], range(9, 1, -1)) - int(d[8])) % 11 == 0,
    "be-nn": lambda d: 97 - int(d[:9]) % 97 == int(d[9:]),
    "pl-pesel": lambda d: weighted(d, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0,
    "se-personnummer": lambda d: luhn(d[-10:]),
    "fi-hetu": lambda d: HETU[int(d[:6] + d[-4:-1]) % 31] == d[-1],
    "ch-ahv": lambda d: (10 - weighted(d[:12], (1, 3) * 6) % 10) % 10 == int(d[12]),
    "br-cpf": lambda d: all(
        (weighted(d[:size], range(size + 1, 1, -1)) * 10 % 11) % 10 == int(d[size]) for size in (9, 10)
    ),
    "in-aadhaar": verhoeff,
    "in-pan": lambda d: len(d) == 10 and d[3] in "PCHFATBLJG",
    "cn-resident-id": lambda d: "10X98765432"[weighted(d[:17], (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)) % 11]
    == d[17],
    "kr-rrn": lambda d: (11 - weighted(d[:12], (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)) % 11) % 10 == int(d[12]),
    "jp-my-number": lambda d: (lambda rest: 0 if rest <= 1 else 11 - rest)(
        weighted(reversed(d[:11]), (2, 3, 4, 5, 6, 7, 2, 3, 4, 5, 6)) % 11
    )
    == int(d[11]),
    "au-tfn": lambda d: weighted(d, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0,
    "sg-nric": singaporean,
    "za-id": luhn,
}

# Setting, language of the sentence, the sentence, and the number. The examples of the publishers where there are some.
SENTENCES = [
    ("us-itin", "en", "The ITIN on the W-7 is {}, please check.", "912-74-3847"),
    ("us-itin", "en", "ITIN: {}", "978-90-1123"),
    ("uk-nino", "en", "My National Insurance number is {} and I moved in May.", "AB 12 34 56 C"),
    ("uk-nino", "en", "NI number {}", "JG103759A"),
    ("uk-nhs", "en", "NHS number {} was referred to cardiology.", "943 476 5919"),
    ("uk-nhs", "en", "Patient NHS No: {}", ends_with(CHECKS["uk-nhs"], "485777345")),
    ("ca-sin", "en", "Her SIN is {} for the T4 slip.", "046 454 286"),
    ("ca-sin", "fr", "Mon numéro d'assurance sociale est le {}.", "046-454-286"),
    ("de-steuer-id", "de", "Meine Steuer-ID lautet {}, bitte eintragen.", "86 095 742 719"),
    ("de-steuer-id", "de", "Steueridentifikationsnummer: {}", "47036892816"),
    ("de-steuer-id", "de", "IdNr. {} (Finanzamt Köln)", "65929970489"),
    ("fr-nir", "fr", "Mon numéro de sécurité sociale est {}.", "2 55 08 14 168 025 38"),
    ("fr-nir", "fr", "NIR : {}", "255081416802538"),
    ("es-dni", "es", "Mi DNI es {} y vivo en Sevilla.", "12345678Z"),
    ("es-dni", "es", "DNI: {}", "54362315K"),
    ("es-nie", "es", "El NIE del solicitante es {}.", "X1234567L"),
    ("it-codice-fiscale", "it", "Il mio codice fiscale è {}, grazie.", "RSSMRA85T10A562S"),
    ("it-codice-fiscale", "it", "C.F. {}", "MRTMTT91D08F205J"),
    ("nl-bsn", "nl", "Mijn BSN is {}.", "111222333"),
    ("nl-bsn", "nl", "Burgerservicenummer: {}", "1234.56.782"),
    ("be-nn", "nl", "Rijksregisternummer {} staat op de kaart.", "85.07.30-033.28"),
    ("be-nn", "fr", "Numéro de registre national : {}", "85073003328"),
    ("pl-pesel", "pl", "Mój PESEL to {}, proszę o kontakt.", "44051401359"),
    ("pl-pesel", "pl", "PESEL: {}", ends_with(CHECKS["pl-pesel"], "9207071453")),
    ("se-personnummer", "sv", "Mitt personnummer är {}.", "811218-9876"),
    ("se-personnummer", "sv", "Personnr: {}", "19640823-3234"),
    ("fi-hetu", "fi", "Henkilötunnus on {}.", "131052-308T"),
    ("ch-ahv", "de", "AHV-Nummer {} gemäss Ausweis.", "756.9217.0769.85"),
    ("ch-ahv", "fr", "Numéro AVS : {}", "756.1234.5678.97"),
    ("br-cpf", "pt", "Meu CPF é {}, pode emitir a nota.", "111.444.777-35"),
    ("br-cpf", "pt", "CPF: {}", "529.982.247-25"),
    ("br-cpf", "pt", "cpf do titular {}", "52998224725"),
    ("in-aadhaar", "en", "Aadhaar number {} is linked.", "2341 2341 2346"),
    ("in-aadhaar", "hi", "मेरा आधार नंबर {} है।", ends_with(verhoeff, "87643219045")),
    ("in-pan", "en", "PAN {} quoted on the return.", "ABCPE1234F"),
    ("in-pan", "hi", "मेरा पैन नंबर {} है।", "BNZPM2501F"),
    ("cn-resident-id", "zh", "我的身份证号是{},请核实。", "11010519491231002X"),
    ("cn-resident-id", "zh", "身份证号码:{}", "440524188001010014"),
    ("kr-rrn", "ko", "주민등록번호는 {} 입니다.", ends_with(lambda t: CHECKS["kr-rrn"](only(t)), "850101-123456")),
    ("jp-my-number", "ja", "マイナンバーは{}です。", ends_with(lambda t: CHECKS["jp-my-number"](only(t)), "1234 5678 901")),
    ("jp-my-number", "ja", "個人番号:{}", ends_with(CHECKS["jp-my-number"], "73920468152")),
    ("au-tfn", "en", "My TFN is {} for the payroll form.", "123 456 782"),
    ("au-tfn", "en", "Tax File Number: {}", "459599230"),
    ("sg-nric", "en", "NRIC {} as on the pass.", "S1234567D"),
    ("za-id", "en", "South African ID number {} on file.", "8001015009087"),
    ("za-id", "en", "RSA ID: {}", with_luhn("920220" + draw("za", "d", 4) + "08")),
    # On without a setting.
    ("us-ssn", "en", "My social security number is {}.", "536-90-4399"),
    ("us-ssn", "en", "SSN: {}", "219-09-9998"),
    ("us-ssn", "en", "ssn {}", "536904399"),
    ("us-ssn", "en", "Applicant SSN 4 of 7 | {} | verified", "401 62 7718"),
    ("us-ssn", "es", "Mi número de seguro social es {}.", "612-44-8821"),
    ("us-ssn", "en", "{} is hers, mine follows.", "305-71-2286"),
    ("us-ssn", "en", "social=({})", "147-38-9904"),
    ("us-ssn", "zh", "他的社会安全号码是{}。", "433-54-3937"),
    ("us-ssn", "en", "Social Security Number (SSN): {}", "518-73-2096"),
    ("us-ssn", "en", "EMP-ID 77, name Roe, soc. sec. no. {}, dept 4", "266-81-7350"),
]
for _setting, _, _, _value in SENTENCES:
    assert CHECKS[_setting](only(_value)), (_setting, _value)
