#!/usr/bin/env python3
"""Writes the eight CSV files that tests/questions/files-*.json ask about.

    make_csvs.py FOLDER

Their shapes are those of files that people really have: messy headers, units in names, codes, dates as
text, empty cells. Every row is made up; no number says anything about a real person, place or film. The same
files come out on every machine and every day: the only source of chance is random.Random(seed).random().
"""
import csv
import datetime
import pathlib
import random
import sys

FIRST_F = "Anna Mia Olivia Sofia Grace Priya Mei Clara Ruth Nora Ines Hannah Leila Yuki Eva Carmen".split()
FIRST_M = "James Liam Noah Omar Daniel Peter Raj Hugo Samuel Victor Ivan Kenji Marco Felix Paul Tomas".split()
LAST = ("Adams Baker Costa Dietrich Evans Fischer Garcia Hughes Ito Jansen Kumar Lopez Meyer Novak Okafor Patel "
        "Quinn Rossi Schmidt Tanaka Ueda Vargas Weber Young Zhang Larsen Moreau Brandt").split()


class Dice:
    """Chance that is the same everywhere: only random() of a seeded generator is used."""

    def __init__(self, seed):
        self._random = random.Random(seed).random

    def chance(self, p):
        return self._random() < p

    def whole(self, low, high):
        """A whole number from low to high, both included."""
        return low + int(self._random() * (high - low + 1))

    def number(self, low, high, digits):
        scale = 10 ** digits
        return self.whole(round(low * scale), round(high * scale)) / scale

    def bell(self, low, high, digits=0):
        """Like number, but the middle is likelier than the ends."""
        scale = 10 ** digits
        share = (self._random() + self._random() + self._random()) / 3
        value = round((low + share * (high - low)) * scale)
        return value / scale if digits else value

    def skewed(self, low, high, digits=0):
        """Like number, but small values are much likelier."""
        scale = 10 ** digits
        share = self._random() * self._random() * self._random()
        value = round((low + share * (high - low)) * scale)
        return value / scale if digits else value

    def one(self, choices):
        return choices[int(self._random() * len(choices))]

    def weighed(self, pairs):
        """One of the first members of (choice, weight) pairs."""
        point = self._random() * sum(weight for _, weight in pairs)
        for choice, weight in pairs:
            point -= weight
            if point < 0:
                return choice
        return pairs[-1][0]

    def maybe(self, p, value):
        """value with probability p, else an empty cell."""
        return value if self.chance(p) else ""

    def day(self, first, last):
        first = datetime.date.fromisoformat(first)
        return first + datetime.timedelta(self.whole(0, (datetime.date.fromisoformat(last) - first).days))


def yes_no(value):
    return "Yes" if value else "No"


def true_false(value):
    return "true" if value else "false"


# employees.csv: wide, snake_case, one line a person; who has left has a termination_date.

TEAMS = {"Engineering": ["Platform", "Mobile", "Data", "QA"], "Sales": ["EMEA", "Americas", "Inside"],
         "Marketing": ["Brand", "Growth"], "Finance": ["Accounting", "Controlling"], "HR": ["Recruiting", "People Ops"],
         "Support": ["Tier 1", "Tier 2"], "Legal": ["Contracts"]}
TITLES = {"Engineering": "Engineer", "Sales": "Account Executive", "Marketing": "Marketing Specialist",
          "Finance": "Accountant", "HR": "HR Partner", "Support": "Support Agent", "Legal": "Counsel"}
OFFICES = [("New York", "US"), ("Austin", "US"), ("Berlin", "DE"), ("London", "GB"), ("Bangalore", "IN"), ("Madrid", "ES")]
LEAVING = ["Resigned", "Laid off", "Retired", "End of contract"]


def employee(dice, number, names, managers):
    gender = dice.weighed([("F", 46), ("M", 51), ("X", 3)])
    first, last = dice.one(FIRST_F if gender == "F" else FIRST_M), dice.one(LAST)
    while f"{first} {last}" in names:
        first, last = dice.one(FIRST_F if gender == "F" else FIRST_M), dice.one(LAST)
    names.add(f"{first} {last}")
    dept = dice.weighed([("Engineering", 34), ("Sales", 22), ("Support", 18), ("Marketing", 10), ("Finance", 7), ("HR", 6), ("Legal", 3)])
    level = dice.weighed([(1, 18), (2, 30), (3, 26), (4, 16), (5, 8), (6, 2)])
    office, country = dice.weighed([(o, w) for o, w in zip(OFFICES, (24, 15, 20, 18, 15, 8))])
    kind = dice.weighed([("Full-time", 78), ("Part-time", 13), ("Contract", 9)])
    hired = dice.day("2009-02-01", "2025-12-20")
    left = dice.day("2024-01-05", "2026-01-25") if dice.chance(0.17) else None
    left = left if left and left > hired else None
    salary = round(dice.bell(31000, 52000) * (1 + 0.3 * level) * (1.25 if dept in ("Engineering", "Legal") else 1))
    manager = dice.one(managers[dept]) if managers[dept] else ("", "")
    if level >= 5 and kind == "Full-time" and not left:
        managers[dept].append((f"E{number:04d}", f"{first} {last}"))
    reviewed = dice.day("2025-01-10", "2025-12-15")
    return {
        "employee_id": f"E{number:04d}", "first_name": first, "last_name": last, "full_name": f"{first} {last}",
        "gender": gender, "birth_date": dice.day("1960-01-01", "2002-12-31"), "dept": dept, "team": dice.one(TEAMS[dept]),
        "job_title": ["Junior ", "", "Senior ", "Lead ", "Principal ", "Head "][level - 1] + TITLES[dept],
        "job_level": level, "employment_type": kind, "office": office, "country": country, "hire_date": hired,
        "termination_date": left or "", "termination_reason": dice.one(LEAVING) if left else "",
        "manager_id": manager[0], "manager": manager[1], "salary_usd": salary,
        "bonus_usd": "" if kind == "Contract" else dice.whole(0, 30) * salary // 200, "stock_units": dice.skewed(0, 4000),
        "hours_per_week": {"Full-time": 40, "Part-time": dice.one([16, 20, 24, 30]), "Contract": dice.one([32, 40])}[kind],
        "remote": true_false(dice.chance(0.38)), "vacation_days": dice.whole(20, 34), "sick_days": dice.skewed(0, 40),
        "overtime_hrs": dice.skewed(0, 180, 1), "training_hrs": dice.whole(0, 60), "performance_score": dice.bell(1, 5),
        "engagement_score": dice.maybe(0.84, dice.bell(20, 100)), "last_review_date": reviewed if hired < reviewed else "",
        "education": dice.weighed([("High School", 14), ("Bachelor", 48), ("Master", 30), ("PhD", 8)]),
        "marital_status": dice.one(["Single", "Married", "Married", "Divorced"]), "num_children": dice.skewed(0, 6),
        "commute_km": dice.skewed(0.5, 70, 1), "email": f"{first}.{last}@example.com".lower(), "phone_ext": dice.maybe(0.9, 2000 + number),
    }


def employees(dice):
    names, managers = set(), {dept: [] for dept in TEAMS}
    return [employee(dice, n, names, managers) for n in range(1, 421)]


# passengers.csv: CamelCase, flags as 0 and 1, many empty ages and cabins.

def passenger(dice, number, names):
    female = dice.chance(0.37)
    pclass = dice.weighed([(1, 25), (2, 21), (3, 54)])
    age = dice.number(0.5, 9, 1) if dice.chance(0.08) else float(dice.bell(12, 76))
    survived = dice.chance((0.72 if female else 0.18) + (0.16 if pclass == 1 else -0.05 if pclass == 3 else 0))
    title = ("Miss." if age < 30 else "Mrs.") if female else ("Master." if age < 13 else "Mr.")
    low, high = {1: (26, 310), 2: (10, 74), 3: (4, 40)}[pclass]
    name = ""
    while not name or name in names:
        name = f"{dice.one(LAST)}, {title} {dice.one(FIRST_F if female else FIRST_M)} {dice.one('ABCDEFGHJKLMPRSTW')}."
    names.add(name)
    return {
        "PassengerId": number, "Survived": int(survived), "Pclass": pclass,
        "Name": name, "Sex": "female" if female else "male", "Age": dice.maybe(0.8, age), "SibSp": dice.skewed(0, 8), "Parch": dice.skewed(0, 6),
        "Ticket": dice.one(["", "PC ", "A/5 ", "C.A. "]) + str(dice.whole(11000, 382000)), "Fare": dice.skewed(low, high, 4),
        "Cabin": dice.maybe(0.7 if pclass == 1 else 0.08, dice.one("ABCDE") + str(dice.whole(2, 120))),
        "Embarked": dice.maybe(0.995, dice.weighed([("S", 72), ("C", 19), ("Q", 9)])),
    }


def passengers(dice):
    names = set()
    return [passenger(dice, n, names) for n in range(1, 713)]


# countries.csv: units, signs and brackets in the header. Places are real, their numbers are not.

COUNTRIES = """
DE Germany Europe Berlin EUR|FR France Europe Paris EUR|IT Italy Europe Rome EUR|ES Spain Europe Madrid EUR
PT Portugal Europe Lisbon EUR|PL Poland Europe Warsaw PLN|SE Sweden Europe Stockholm SEK|NO Norway Europe Oslo NOK
FI Finland Europe Helsinki EUR|DK Denmark Europe Copenhagen DKK|AT Austria Europe Vienna EUR|CH Switzerland Europe Bern CHF
NL Netherlands Europe Amsterdam EUR|BE Belgium Europe Brussels EUR|IE Ireland Europe Dublin EUR|GR Greece Europe Athens EUR
CZ Czechia Europe Prague CZK|HU Hungary Europe Budapest HUF|RO Romania Europe Bucharest RON|GB United_Kingdom Europe London GBP
IS Iceland Europe Reykjavik ISK|EE Estonia Europe Tallinn EUR|US United_States North_America Washington USD
CA Canada North_America Ottawa CAD|MX Mexico North_America Mexico_City MXN|CU Cuba North_America Havana CUP
CR Costa_Rica North_America San_José CRC|PA Panama North_America Panama_City PAB|GT Guatemala North_America Guatemala_City GTQ
JM Jamaica North_America Kingston JMD|BR Brazil South_America Brasília BRL|AR Argentina South_America Buenos_Aires ARS
CL Chile South_America Santiago CLP|PE Peru South_America Lima PEN|CO Colombia South_America Bogotá COP
BO Bolivia South_America Sucre BOB|UY Uruguay South_America Montevideo UYU|PY Paraguay South_America Asunción PYG
EC Ecuador South_America Quito USD|CN China Asia Beijing CNY|JP Japan Asia Tokyo JPY|IN India Asia New_Delhi INR
KR South_Korea Asia Seoul KRW|TH Thailand Asia Bangkok THB|VN Vietnam Asia Hanoi VND|ID Indonesia Asia Jakarta IDR
MY Malaysia Asia Kuala_Lumpur MYR|PH Philippines Asia Manila PHP|NP Nepal Asia Kathmandu NPR|MN Mongolia Asia Ulaanbaatar MNT
KZ Kazakhstan Asia Astana KZT|TR Turkey Asia Ankara TRY|LA Laos Asia Vientiane LAK|PK Pakistan Asia Islamabad PKR
LK Sri_Lanka Asia Colombo LKR|JO Jordan Asia Amman JOD|EG Egypt Africa Cairo EGP|NG Nigeria Africa Abuja NGN
KE Kenya Africa Nairobi KES|ET Ethiopia Africa Addis_Ababa ETB|ZA South_Africa Africa Pretoria ZAR|GH Ghana Africa Accra GHS
MA Morocco Africa Rabat MAD|TN Tunisia Africa Tunis TND|UG Uganda Africa Kampala UGX|RW Rwanda Africa Kigali RWF
ML Mali Africa Bamako XOF|SN Senegal Africa Dakar XOF|TZ Tanzania Africa Dodoma TZS|ZM Zambia Africa Lusaka ZMW
AU Australia Oceania Canberra AUD|NZ New_Zealand Oceania Wellington NZD|FJ Fiji Oceania Suva FJD
PG Papua_New_Guinea Oceania Port_Moresby PGK
"""
LANDLOCKED = "AT CH CZ HU BO PY NP MN KZ LA ET UG RW ML ZM".split()
EURO_UNION = "DE FR IT ES PT PL SE FI DK AT NL BE IE GR CZ HU RO EE".split()


def country(dice, line):
    code, name, continent, capital, currency = [word.replace("_", " ") for word in line.split()]
    rich = dice.number(18, 88, 2) if continent in ("Europe", "Oceania") or code in ("US", "CA", "JP", "KR") else dice.skewed(1, 40, 2)
    people = dice.skewed(400000, 320000000)
    area = dice.skewed(12000, 4000000)
    return {
        "Country": name, "ISO2": code, "Continent": continent, "Capital": capital, "Population (2024)": people, "Area km²": area,
        "Pop. Density (per km²)": round(people / area, 1), "GDP (USD bn)": round(people * rich / 1000000, 1),
        "GDP per Capita (USD)": round(rich * 1000), "Life Expectancy (yrs)": round(60 + rich / 5 + dice.number(0, 7, 1), 1),
        "Literacy %": dice.maybe(0.86, round(min(99.9, 55 + rich + dice.number(0, 20, 1)), 1)),
        "Internet Users (%)": round(min(99.0, 25 + rich + dice.number(0, 30, 1)), 1), "CO2 (t per capita)": dice.maybe(0.93, dice.skewed(0.1, 22, 2)),
        "Unemployment Rate": dice.number(1.5, 19, 1), "Landlocked": yes_no(code in LANDLOCKED), "EU Member": yes_no(code in EURO_UNION),
        "Currency Code": currency, "Official Languages (qty)": dice.skewed(1, 6), "Independence Yr": dice.maybe(0.7, dice.whole(1776, 1993)),
    }


def countries(dice):
    return [country(dice, line) for line in COUNTRIES.strip().replace("\n", "|").split("|")]


# films.csv: the year is a number; money in millions; ratings and grosses with gaps.

TITLE_1 = "Last Silent Broken Golden Hidden Crimson Endless Paper Lonely Electric Frozen Second Wild Distant Hollow Burning Blue Forgotten Velvet Iron Midnight Secret Northern Sleeping Stolen Quiet Scarlet".split()
TITLE_2 = "Harbor Letters Empire Garden Witness Summer Orbit Promise River Machine Kingdom Shadows Station Dancer Winter Road".split()
SUBTITLE = ["", "", "", "", ": The Return", " II", ": Origins", " Forever"]
GENRES = [("Drama", 28), ("Comedy", 20), ("Action", 15), ("Thriller", 12), ("Horror", 8), ("Sci-Fi", 7), ("Animation", 5), ("Documentary", 5)]
LANGUAGE = {"US": "English", "GB": "English", "FR": "French", "DE": "German", "JP": "Japanese", "KR": "Korean", "IN": "Hindi", "ES": "Spanish"}


def film(dice, number, titles, directors, actors):
    title = ""
    while not title or title in titles:
        title = f"{dice.one(['The ', '', ''])}{dice.one(TITLE_1)} {dice.one(TITLE_2)}{dice.one(SUBTITLE)}"
    titles.add(title)
    genre = dice.weighed(GENRES)
    code = dice.weighed([("US", 48), ("GB", 12), ("FR", 10), ("IN", 9), ("JP", 7), ("KR", 6), ("DE", 5), ("ES", 3)])
    budget = dice.skewed(0.3, 240, 1)
    rated = dice.chance(0.95)
    return {
        "film_id": f"tt{7000000 + number * 37}", "title": title, "year": 2025 - dice.skewed(0, 75), "genre": genre,
        "director": dice.one(directors), "lead_actor": dice.one(actors), "country": code, "language": LANGUAGE[code],
        "runtime_min": dice.bell(72, 190), "certificate": dice.weighed([("G", 8), ("PG", 22), ("PG-13", 36), ("R", 34)]),
        "rating": dice.bell(2.5, 9.5, 1) if rated else "", "num_votes": dice.skewed(40, 1900000) if rated else 0,
        "budget_musd": dice.maybe(0.88, budget), "gross_musd": dice.maybe(0.82, round(budget * dice.skewed(0.05, 12, 3), 2)),
        "award_wins": dice.skewed(0, 14), "is_sequel": true_false(title.endswith(("II", "Return", "Forever"))),
        "black_and_white": true_false(dice.chance(0.06)), "streaming_on": dice.maybe(0.7, dice.one(["Netflix", "Hulu", "Mubi", "Prime Video"])),
    }


def films(dice):
    directors = sorted({f"{dice.one(FIRST_F + FIRST_M)} {dice.one(LAST)}" for _ in range(120)})
    actors = sorted({f"{dice.one(FIRST_F + FIRST_M)} {dice.one(LAST)}" for _ in range(200)})
    titles = set()
    return [film(dice, n, titles, directors, actors) for n in range(1, 901)]


# admissions.csv: a clinic's export; Title Case with abbreviations, Yes/No texts, ICD codes, several stays a patient.

DIAGNOSES = [("J18.9", "Pneumonia", "Internal Medicine", 16), ("I21.4", "Heart attack", "Cardiology", 11), ("I50.0", "Heart failure", "Cardiology", 12),
             ("S72.0", "Hip fracture", "Orthopedics", 12), ("M17.1", "Knee osteoarthritis", "Orthopedics", 9), ("K35.8", "Appendicitis", "Surgery", 11),
             ("K80.2", "Gallstones", "Surgery", 9), ("G40.9", "Epilepsy", "Neurology", 5), ("I63.9", "Stroke", "Neurology", 9), ("O80", "Delivery", "Maternity", 12)]
WARDS = {"Internal Medicine": ["A11", "A12"], "Cardiology": ["B21", "B22"], "Orthopedics": ["C31"], "Surgery": ["C32", "D41"],
         "Neurology": ["D42"], "Maternity": ["E51"]}


def admission(dice, number, people, doctors):
    code, diagnosis, dept, _ = dice.weighed([(d, d[3]) for d in DIAGNOSES])
    patient, sex, age, blood = dice.one([p for p in people if dept != "Maternity" or (p[1] == "F" and p[2] < 46)])
    admitted = dice.day("2024-11-01", "2026-01-30")
    stay = dice.skewed(1, 40)
    discharged = admitted + datetime.timedelta(stay)
    gone = discharged <= datetime.date(2026, 1, 30)
    outcome = dice.weighed([("Recovered", 78), ("Transferred", 12), ("Deceased", 4), ("Left AMA", 6)])
    return {
        "Adm ID": f"ADM-{10000 + number}", "Patient No": patient, "Age": age, "Sex": sex, "Blood Type": blood, "Admit Date": admitted,
        "Discharge Date": discharged if gone else "", "LOS (days)": stay if gone else "", "Dept": dept, "Ward": dice.one(WARDS[dept]),
        "ICD-10": code, "Diagnosis": diagnosis, "Attending Dr.": dice.one(doctors[dept]), "Emergency": yes_no(dice.chance(0.44)),
        "ICU": yes_no(dice.chance(0.14)), "Insurance": dice.weighed([("Public", 66), ("Private", 24), ("Self-pay", 10)]),
        "Smoker": dice.maybe(0.88, yes_no(dice.chance(0.27))), "Diabetic": yes_no(dice.chance(0.18)), "Systolic BP": dice.maybe(0.94, dice.bell(88, 196)),
        "BMI": dice.bell(16.5, 44, 1), "Rx Qty": dice.skewed(0, 22), "Total Cost (EUR)": round(dice.number(310, 690, 2) * (stay + 2), 2),
        "Outcome": outcome if gone else "", "Readmitted 30d": yes_no(dice.chance(0.11)) if gone else "",
    }


def admissions(dice):
    people = [(f"P{2000 + n}", dice.one("FM"), dice.whole(18, 94), dice.weighed([("A+", 36), ("O+", 37), ("B+", 9), ("A-", 7), ("O-", 7), ("AB+", 4)]))
              for n in range(700)]
    surnames = iter(LAST)
    doctors = {dept: [f"Dr. {next(surnames)}" for _ in range(3)] for dept in WARDS}
    return [admission(dice, n, people, doctors) for n in range(1, 1201)]


# weather.csv: a reading each day and station, degrees and units in the header.

STATIONS = [("Harbor", 4, 2), ("Hilltop", 410, -3), ("Airport", 61, 0), ("Old Town", 35, 1)]


def reading(dice, station, day):
    name, height, warmth = station
    season = 1 - abs((day.timetuple().tm_yday - 200) / 183)
    high = round(2 + warmth + 24 * season + dice.number(-6, 7, 1), 1)
    low = round(high - dice.number(2.5, 12, 1), 1)
    wet = dice.chance(0.42)
    rain = dice.skewed(0.2, 58, 1) if wet and high > 1 else 0
    snow = dice.skewed(0.5, 34, 1) if wet and high <= 2.5 else 0
    broken = dice.chance(0.03)
    sky = "Snow" if snow else "Storm" if rain > 18 else "Rain" if rain else dice.weighed([("Sunny", 4), ("Cloudy", 5), ("Fog", 1)])
    return {
        "Date": day, "Station": name, "Elevation (m)": height, "Temp Max (°C)": "" if broken else high, "Temp Min (°C)": "" if broken else low,
        "Rain mm": rain, "Snow cm": snow, "Wind km/h": dice.skewed(3, 104, 1), "Wind Dir": dice.one("N NE E SE S SW W NW".split()),
        "Humidity (%)": dice.bell(34, 99), "Pressure hPa": dice.bell(982, 1041, 1), "Sunshine Hrs": 0 if rain > 10 else dice.maybe(0.95, dice.number(0, 4 + 10 * season, 1)),
        "Conditions": sky, "Frost": yes_no(low < 0),
    }


def weather(dice):
    first = datetime.date(2024, 10, 8)
    return [reading(dice, s, first + datetime.timedelta(n)) for n in range(480) for s in STATIONS]


# churn.csv: camelCase from a telecom's billing system, Yes/No texts, one 0/1 flag.

def subscriber(dice, number):
    contract = dice.weighed([("Month-to-month", 55), ("One year", 22), ("Two year", 23)])
    internet = dice.weighed([("Fiber optic", 44), ("DSL", 35), ("None", 21)])
    tenure = dice.whole(1, 72)
    monthly = round({"Fiber optic": 62, "DSL": 40, "None": 17}[internet] + dice.number(0, 38, 2), 2)
    leaves = {"Month-to-month": 0.42, "One year": 0.12, "Two year": 0.03}[contract] + (0.08 if internet == "Fiber optic" else -0.02)
    return {
        "customerID": f"{dice.whole(1000, 9999)}-{number:04d}", "gender": dice.one(["Male", "Female"]), "SeniorCitizen": int(dice.chance(0.16)),
        "Partner": yes_no(dice.chance(0.48)), "Dependents": yes_no(dice.chance(0.3)), "state": dice.weighed([("CA", 30), ("TX", 24), ("NY", 18), ("FL", 15), ("WA", 8), ("OR", 5)]),
        "signupDate": dice.day("2020-01-01", "2025-12-31"), "tenure_months": tenure, "PhoneService": yes_no(dice.chance(0.9)), "InternetService": internet,
        "StreamingTV": yes_no(internet != "None" and dice.chance(0.5)), "TechSupport": yes_no(internet != "None" and dice.chance(0.37)), "Contract": contract,
        "PaperlessBilling": yes_no(dice.chance(0.59)), "PaymentMethod": dice.weighed([("Electronic check", 34), ("Mailed check", 23), ("Bank transfer", 22), ("Credit card", 21)]),
        "MonthlyCharges": monthly, "TotalCharges": dice.maybe(0.985, round(monthly * tenure * dice.number(0.94, 1.06, 3), 2)),
        "avgDataGB": dice.maybe(0.97, dice.skewed(1, 620, 1)) if internet != "None" else "", "numSupportCalls": dice.skewed(0, 14),
        "satisfactionScore": dice.maybe(0.62, dice.bell(1, 10)), "churn": yes_no(dice.chance(leaves)),
    }


def churn(dice):
    return [subscriber(dice, n) for n in range(1, 2001)]


# home_sales.csv: American dates as text, prices with their unit in the header.

CITIES = [("Riverton", "02134"), ("Riverton", "02135"), ("Lakeside", "02471"), ("Lakeside", "02472"), ("Maplewood", "01803"), ("Fairview", "01960"), ("Ashford", "01701")]
STREETS = ["Oak St", "Elm St", "Hill Rd", "Park Ave", "Mill Ln", "Cedar Ct", "Lake Dr", "Main St"]


def home(dice, number, agents):
    kind = dice.weighed([("Single Family", 52), ("Condo", 26), ("Townhouse", 15), ("Multi-Family", 7)])
    city, postcode = dice.one(CITIES)
    beds = dice.weighed([(1, 8), (2, 24), (3, 36), (4, 23), (5, 9)])
    size = beds * dice.whole(330, 620) + dice.whole(180, 500)
    asked = round(size * dice.bell(210, 560) / 100) * 100 + (60000 if city == "Lakeside" else 0)
    built = dice.whole(1890, 2023)
    sold = dice.day("2023-01-03", "2025-12-30")
    return {
        "Sale ID": 50000 + number, "Sale Date": sold.strftime("%m/%d/%Y"), "Address": f"{dice.whole(1, 999)} {dice.one(STREETS)}", "City": city, "ZIP": postcode,
        "Property Type": kind, "Beds": beds, "Baths": dice.one([1, 1.5, 2, 2, 2.5, 3, 3.5]), "Living Area (sqft)": size,
        "Lot Size (acres)": "" if kind == "Condo" else dice.skewed(0.05, 6, 2), "Yr Built": built, "Renovated Yr": dice.maybe(0.3, dice.whole(max(built, 1985), 2025)),
        "List Price (USD)": asked, "Sale Price (USD)": round(asked * dice.bell(0.88, 1.1, 4)), "HOA Fee ($/mo)": dice.whole(120, 690) if kind == "Condo" else "",
        "Days on Mkt": dice.skewed(1, 260), "Listing Agent": dice.one(agents), "hasGarage": true_false(dice.chance(0.58)), "hasPool": true_false(dice.chance(0.12)),
        "Heating": dice.one(["Gas", "Gas", "Oil", "Electric", "Heat Pump"]), "Condition": dice.one(["Excellent", "Good", "Good", "Fair", "Poor"]), "School Rating": dice.bell(1, 10),
    }


def home_sales(dice):
    agents = [f"{dice.one(FIRST_F + FIRST_M)} {last}" for last in LAST[:18]]
    return [home(dice, n, agents) for n in range(1, 641)]


FILES = [employees, passengers, countries, films, admissions, weather, churn, home_sales]


def write(path, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def make_csvs(folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for seed, make in enumerate(FILES, 20260131):
        write(folder / f"{make.__name__}.csv", make(Dice(seed)))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: make_csvs.py FOLDER")
    make_csvs(sys.argv[1])
