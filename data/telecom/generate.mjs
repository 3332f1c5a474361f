/**
 * Makes the customers of a telephone company that does not exist, always the same for the same seed:
 *
 *   node data/telecom/generate.mjs > data/telecom/telecom.csv
 *   node data/telecom/generate.mjs --rows 1000000 --seed 7 > customers.csv
 *
 * Plain JavaScript, so that every supported Node runs it as it stands. Additions and multiplications only, no
 * logarithms or sines: those may differ in the last digit from one machine to the next.
 */
import { once } from "node:events"
import { parseArgs } from "node:util"

const columns = [
  "state",
  "account length",
  "area code",
  "phone number",
  "international plan",
  "voice mail plan",
  "number vmail messages",
  "total day minutes",
  "total day calls",
  "total day charge",
  "total eve minutes",
  "total eve calls",
  "total eve charge",
  "total night minutes",
  "total night calls",
  "total night charge",
  "total intl minutes",
  "total intl calls",
  "total intl charge",
  "customer service calls",
  "churn",
]

const states =
  "AK AL AR AZ CA CO CT DC DE FL GA HI IA ID IL IN KS KY LA MA MD ME MI MN MO MS MT NC ND NE NH NJ NM NV NY OH OK OR PA RI SC SD TN TX UT VA VT WA WI WV WY".split(
    " ",
  )

const areas = ["408", "415", "415", "510"]

// Price of a minute in thousandths of a dollar.
const rates = { day: 170, eve: 85, night: 45, intl: 270 }

/** The file's lines one by one, header first, each with its newline. */
export function* generateLines({ rows, seed }) {
  const random = createRandom(seed)
  yield `${columns.join(",")}\n`
  for (let row = 0; row < rows; row++) yield `${customer(random, row)}\n`
}

function customer(random, row) {
  const international = random.chance(0.097)
  const voiceMail = random.chance(0.277)
  const messages = voiceMail ? random.bell(29, 7.5, 4, 52) : 0
  const minutes = {
    day: random.bell(1798, 545, 0, 3600),
    eve: random.bell(2010, 507, 0, 3700),
    night: random.bell(2009, 506, 200, 4000),
    intl: random.bell(102, 28, 0, 200),
  }
  const serviceCalls = Math.min(random.rare(0.61), 9)
  const day = traffic(minutes.day, random.bell(100, 20, 30, 170), rates.day)
  const eve = traffic(minutes.eve, random.bell(100, 20, 30, 170), rates.eve)
  const night = traffic(minutes.night, random.bell(100, 20, 30, 170), rates.night)
  const intl = traffic(minutes.intl, 1 + Math.min(random.rare(0.78), 19), rates.intl)
  const state = random.pick(states)
  const length = random.bell(101, 40, 1, 243)
  const area = random.pick(areas)
  const plans = `${international ? "yes" : "no"},${voiceMail ? "yes" : "no"}`
  const churn = random.chance(churnRisk(international, voiceMail, serviceCalls, minutes.day))
    ? "True"
    : "False"
  return (
    `${state},${length},${area},${phoneNumber(row)},${plans},${messages},` +
    `${day},${eve},${night},${intl},${serviceCalls},${churn}`
  )
}

function traffic(minuteTenths, calls, rate) {
  return `${tenths(minuteTenths)},${calls},${charge(minuteTenths, rate)}`
}

// Who calls the service again and again, or pays for long days, leaves more often.
function churnRisk(international, voiceMail, serviceCalls, day) {
  let risk = 0.05
  if (serviceCalls >= 4) risk += 0.4
  if (day >= 2600) risk += 0.45
  if (international) risk += 0.28
  if (voiceMail) risk -= 0.03
  return Math.min(Math.max(risk, 0.01), 0.95)
}

// Every number once before any comes twice: the step shares no factor with the 8 million numbers there are.
function phoneNumber(row) {
  const number = String(2_000_000 + ((1_824_657 + row * 3_141_593) % 8_000_000))
  return `${number.slice(0, 3)}-${number.slice(3)}`
}

/** Tenths of a minute as minutes: 100 is `10.0`. */
function tenths(value) {
  return `${Math.floor(value / 10)}.${value % 10}`
}

/** Tenths of a minute at thousandths of a dollar, in dollars, rounded half up to whole cents. */
function charge(minuteTenths, rate) {
  const cents = Math.floor((minuteTenths * rate + 50) / 100)
  const rest = cents % 100
  return `${Math.floor(cents / 100)}.${rest < 10 ? "0" : ""}${rest}`
}

function createRandom(seed) {
  let state = seed >>> 0
  // mulberry32 (public domain): 32 bits of state are plenty for sample data.
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const chance = (share) => next() < share
  return {
    chance,
    pick: (choices) => choices[Math.floor(next() * choices.length)],
    /** A whole number around the mean: twelve dice together fall on a bell curve. */
    bell: (mean, deviation, least, most) => {
      let sum = -6
      for (let die = 0; die < 12; die++) sum += next()
      return Math.min(Math.max(Math.round(mean + sum * deviation), least), most)
    },
    /** How often something with this chance happens before it first does not. */
    rare: (share) => {
      let times = 0
      while (times < 30 && chance(share)) times += 1
      return times
    },
  }
}

async function main() {
  const { values } = parseArgs({
    options: { rows: { type: "string", default: "3333" }, seed: { type: "string", default: "1" } },
  })
  const [rows, seed] = [Number(values.rows), Number(values.seed)]
  if (!Number.isInteger(rows) || rows < 0 || !Number.isInteger(seed)) {
    process.stderr.write(`--rows ${values.rows} --seed ${values.seed}: expected whole numbers, rows from 0\n`)
    process.exitCode = 2
    return
  }
  let lines = ""
  for (const line of generateLines({ rows, seed })) {
    lines += line
    if (lines.length < 65_536) continue
    if (!process.stdout.write(lines)) await once(process.stdout, "drain")
    lines = ""
  }
  process.stdout.write(lines)
}

await main()
