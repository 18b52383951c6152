"""Files as other programs write them: `pip install openpyxl xlsxwriter` and LibreOffice, then run this after `make.py`.

LibreOffice writes calc.xlsx, calc_odd.xlsx, calc_filtered.xlsx (two of three people are hidden) and calc.csv (a French
locale, `;`, UTF-8) and calc_1252.csv (the same in Windows-1252); XlsxWriter writes inline.xlsx.
"""

import datetime
import pathlib
import subprocess
import tempfile

import openpyxl
import xlsxwriter

from make import PEOPLE

HEADERS = [
    "Prénom", "Nom", "Adresse e-mail", "Date de création", "Statut", "Version d’utilisation", "Langue", "Localisation",
    "Société", "Rôle",
]
DAY = datetime.date(2026, 1, 2)
LIST = [
    HEADERS,
    ["Zoé", "Noël", "zoe@example.com", DAY, "connecté", 4.2, "fr", "Lyon", "Carrières du Nord", "manager"],
    ["Zoé", "Noël", "zoe@example.com", DAY, "connecté", 4.2, "fr", "Lyon", "Œuvres Sud", "user"],
    ["Anaïs", "d'Été; \"Lafontaine\"", "anais@example.com", None, "notifié", None, "en", None, "Œuvres Sud", "operator"],
    ["Łukasz", None, "lukasz@example.com", None, "connecté", None, "ja", "2e étage\nporte 3", "Œuvres Sud", "contributor"],
]


def book(rows):
    made = openpyxl.Workbook()
    made.active.title = "Équipe d'été"
    for row in rows:
        made.active.append(row)
    return made


def convert(source, filter_name, name):
    with tempfile.TemporaryDirectory() as folder:
        command = ["soffice", "--headless", f"-env:UserInstallation=file://{folder}/profile"]
        subprocess.run(command + ["--convert-to", filter_name, "--outdir", folder, source], check=True)
        ending = pathlib.Path(name).suffix
        pathlib.Path(name).write_bytes((pathlib.Path(folder) / pathlib.Path(source).with_suffix(ending).name).read_bytes())


def inline(name):
    """Strings in their cells, rows that are only coloured, a sheet that no menu shows, a table, links."""
    made = xlsxwriter.Workbook(name, {"constant_memory": True})
    sheet = made.add_worksheet("Feuil1")
    colour = made.add_format({"bg_color": "#ffff00"})
    for at, row in enumerate(PEOPLE):
        for column, text in enumerate(row):
            sheet.write_string(at, column, text)
    for at in range(len(PEOPLE), 200):
        sheet.write_blank(at, 0, None, colour)
    hidden = made.add_worksheet("Cachée")
    hidden.write_string(0, 0, "ben@example.com")
    hidden.very_hidden()
    made.close()


def odd(sheet):
    sheet["A2"] = '="Zo"&"é"'
    sheet["B3"] = datetime.date(2026, 11, 22)
    sheet["A4"] = 7
    sheet["C4"] = "7"
    sheet.merge_cells("B4:C5")
    sheet["A6"] = "Kim"
    sheet["C6"] = "kim@example.com"


with tempfile.TemporaryDirectory() as here:
    names = ["people.xlsx", "odd.xlsx", "filtered.xlsx", "list.xlsx"]
    people, strange, filtered, listed = (str(pathlib.Path(here) / name) for name in names)
    book(PEOPLE).save(people)
    made = book(PEOPLE)
    odd(made.active)
    made.save(strange)
    made = book(PEOPLE)
    for row in (3, 4):
        made.active.row_dimensions[row].hidden = True
    made.save(filtered)
    book(LIST).save(listed)
    convert(people, "xlsx", "calc.xlsx")
    convert(strange, "xlsx", "calc_odd.xlsx")
    convert(filtered, "xlsx", "calc_filtered.xlsx")
    # Separator `;`, quote `"`, the encoding, all lines, no formats of columns, French, all texts quoted, cells as shown.
    convert(listed, "csv:Text - txt - csv (StarCalc):59,34,76,1,,1036,true,true", "calc.csv")
    convert(listed, "csv:Text - txt - csv (StarCalc):59,34,1,1,,1036,false,true", "calc_1252.csv")
inline("inline.xlsx")
