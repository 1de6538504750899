#!/usr/bin/env python3
"""Makes numbers.bin and regions.txt from libphonenumber's PhoneNumberMetadata.xml (Apache-2.0).

    generate.py PhoneNumberMetadata.xml FOLDER

numbers.bin is the smallest automaton over digits that tells which strings (calling code, then national number) are
telephone numbers: per state a word of which digits lead on (bits 0 to 9), what ends here (bit 10: a number of the
possible kind, bit 11: of a range that is assigned, bit 12: to mobile telephones), and whether all digits lead to one
state (bit 13); then a word for that one, or a word per digit that leads on: the state, as the place of its first word.
All words are of 16 bits, little-endian; state 0 is the first.

regions.txt has a line per region: its name, its calling code and its national prefix, or `-`.
"""

import re
import struct
import sys
import xml.etree.ElementTree as xml

try:
    from re import _parser as parser
except ImportError:
    import sre_parse as parser

POSSIBLE, ASSIGNED, MOBILE = 1, 2, 4
KINDS = "fixedLine mobile tollFree premiumRate sharedCost personalNumber voip pager uan voicemail".split()


class Nfa:
    def __init__(self):
        self.moves, self.free, self.kinds = [], [], {}

    def state(self):
        self.moves.append({})
        self.free.append([])
        return len(self.moves) - 1

    def add(self, parsed, start):
        """The states' end of a parsed pattern that begins at `start`."""
        for op, value in parsed:
            name = str(op)
            if name == "LITERAL":
                start = self.digits(start, {value - 48})
            elif name == "IN":
                digits = set()
                for kind, what in value:
                    kind = str(kind)
                    if kind == "LITERAL":
                        digits.add(what - 48)
                    elif kind == "RANGE":
                        digits |= set(range(what[0] - 48, what[1] - 47))
                    elif kind == "CATEGORY" and str(what) == "CATEGORY_DIGIT":
                        digits |= set(range(10))
                    else:
                        raise ValueError((kind, what))
                start = self.digits(start, digits)
            elif name == "SUBPATTERN":
                start = self.add(value[3], start)
            elif name == "BRANCH":
                end = self.state()
                for branch in value[1]:
                    self.free[self.add(branch, start)].append(end)
                start = end
            elif name == "MAX_REPEAT":
                least, most, inner = value
                for _ in range(least):
                    start = self.add(inner, start)
                end = self.state()
                self.free[start].append(end)
                for _ in range(most - least):
                    start = self.add(inner, start)
                    self.free[start].append(end)
                start = end
            else:
                raise ValueError((name, value))
        return start

    def digits(self, start, digits):
        end = self.state()
        for digit in digits:
            self.moves[start].setdefault(digit, []).append(end)
        return end

    def closure(self, states):
        seen, todo = set(states), list(states)
        while todo:
            for other in self.free[todo.pop()]:
                if other not in seen:
                    seen.add(other)
                    todo.append(other)
        return frozenset(seen)


def pattern(element):
    found = element.find("nationalNumberPattern") if element is not None else None
    return re.sub(r"\s", "", found.text) if found is not None and found.text else None


def targets(moves):
    """Where digits lead to, once if all lead to one state."""
    to = [state for _, state in moves]
    return to[:1] if len(set(to)) == 1 else to


def main():
    metadata, folder = sys.argv[1:]
    nfa = Nfa()
    first = nfa.state()
    regions = []
    for territory in xml.parse(metadata).getroot().iter("territory"):
        code = territory.get("countryCode")
        region = territory.get("id")
        if region != "001":
            regions.append(f"{region} {code} {territory.get('nationalPrefix', '-')}\n")
        start = first
        for digit in code:
            start = nfa.digits(start, {int(digit)})
        for kind, names in ((POSSIBLE, ["generalDesc"]), (ASSIGNED, KINDS), (MOBILE, ["mobile"])):
            for name in names:
                text = pattern(territory.find(name))
                if text:
                    end = nfa.add(parser.parse(text), start)
                    nfa.kinds[end] = nfa.kinds.get(end, 0) | kind
    # What stands for a number in books, films and examples: the North American plan's own shape, Ofcom's "Numbers for
    # use in TV and radio drama", Arcep's decision 2009-0151.
    for text, kinds in (
        (r"1[2-9]\d{2}[2-9]\d{6}", 0),
        (r"44(?:1632960|8081570|3069990)\d{3}", 0),
        (r"447700900\d{3}", MOBILE),
        (r"331990\d{5}", 0),
    ):
        end = nfa.add(parser.parse(text), first)
        nfa.kinds[end] = POSSIBLE | ASSIGNED | kinds
    # Deterministic; no pattern has a loop, so states are named by what follows them, children first: the smallest.
    sys.setrecursionlimit(10000)
    known, names, states = {}, {}, []

    def name(subset):
        if subset in known:
            return known[subset]
        kinds = 0
        for state in subset:
            kinds |= nfa.kinds.get(state, 0)
        after = {}
        for state in subset:
            for digit, ends in nfa.moves[state].items():
                after.setdefault(digit, set()).update(ends)
        what = (kinds, tuple((digit, name(nfa.closure(ends))) for digit, ends in sorted(after.items())))
        if what not in names:
            names[what] = len(states)
            states.append(what)
        known[subset] = names[what]
        return names[what]

    name(nfa.closure({first}))
    states = states[::-1]
    places, place = [], 0
    for _, moves in states:
        places.append(place)
        place += 1 + len(targets(moves))
    words = []
    for kinds, moves in states:
        to = targets(moves)
        is_one = len(to) < len(moves)
        words.append(sum(1 << digit for digit, _ in moves) | kinds << 10 | is_one << 13)
        words.extend(places[len(states) - 1 - state] for state in to)
    print(len(states), "states,", len(words), "words")
    with open(f"{folder}/numbers.bin", "wb") as out:
        out.write(struct.pack(f"<{len(words)}H", *words))
    with open(f"{folder}/regions.txt", "w") as out:
        out.writelines(sorted(regions))


main()
