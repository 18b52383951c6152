"""Workbooks as openpyxl writes them: `pip install openpyxl`, then run this in its own folder."""

import datetime

import openpyxl

PEOPLE = [
    ("Prénom", "Nom", "Adresse e-mail"),
    ("Zoé", "Noël", "zoe@example.com"),
    ("Anaïs", "Lefèvre", "anais@example.com"),
    ("Łukasz", "O'Hara", "lukasz@example.com"),
]


def made(name, change=lambda book, sheet: None):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Utilisateurs"
    for row in PEOPLE:
        sheet.append(row)
    change(book, sheet)
    book.save(name)


def set_cell(place, value):
    def change(_, sheet):
        sheet[place] = value

    return change


def hidden(book, _):
    notes = book.create_sheet("Notes")
    notes["A1"] = "ben@example.com"
    notes.sheet_state = "hidden"
    book.create_sheet("Vide")


def several(book, _):
    book.create_sheet("Notes")["A1"] = "something"


def odd(_, sheet):
    sheet["A2"] = "=1+1"
    sheet["B2"] = datetime.date(2026, 11, 22)
    sheet["A3"] = 7
    sheet["B3"] = True
    sheet["C4"] = "no address"
    sheet["C5"] = "kim@example.com"


made("template.xlsx")
made("hidden.xlsx", hidden)
made("several.xlsx", several)
made("odd.xlsx", odd)
made("merged.xlsx", lambda _, sheet: sheet.merge_cells("A2:A3"))
made("far.xlsx", set_cell("XFD1048576", "far away"))
