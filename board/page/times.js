// Moments and durations, in the zone of whoever looks.

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const exact = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat("en-CA", { year: "numeric", month: "2-digit", day: "2-digit" });
const short = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long", year: "numeric" });

export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

// `07:12`; with the day where it is not the business date.
export function at(moment, date, seconds = false) {
  if (!moment) return "";
  const when = new Date(moment);
  const time = (seconds ? exact : clock).format(when);
  return day.format(when) === date ? time : `${short.format(when)} ${time}`;
}

// The same moment in the zone of the product, for a tooltip.
export function elsewhere(moment, itsZone) {
  if (!moment || !itsZone) return moment ?? "";
  try {
    const style = { dateStyle: "medium", timeStyle: "long", timeZone: itsZone };
    return new Intl.DateTimeFormat(undefined, style).format(new Date(moment));
  } catch {
    return moment;
  }
}

// `01:00 GMT-6`: the same moment by the clock of the product, where that is another one.
export function there(moment, itsZone) {
  try {
    const its = (timeZone) => new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZoneName: "short", timeZone }).format(new Date(moment));
    return itsZone && its(itsZone).slice(0, 5) !== its(zone).slice(0, 5) ? its(itsZone) : "";
  } catch {
    return "";
  }
}

export const dayOf = (moment) => day.format(new Date(moment));

export function longDate(date) {
  return weekday.format(new Date(`${date}T12:00:00`));
}

export function shifted(date, days) {
  const when = new Date(`${date}T12:00:00Z`);
  when.setUTCDate(when.getUTCDate() + days);
  return when.toISOString().slice(0, 10);
}

// `1 h 48 min`, `40 s`
export function lasting(from, to) {
  const seconds = Math.max(0, Math.round((new Date(to) - new Date(from)) / 1000));
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return `${Math.floor(hours / 24)} days`;
}
