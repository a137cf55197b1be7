// Rows from columns, as the question `status` sends them: each name once, and each text that repeats once. Pure.

// [{product, status, ...}] of {rows, columns}; `date` is the business date, from whose midnight (UTC) moments are counted.
export function rowsOf({ rows: count, columns }, date) {
  const midnight = Date.parse(`${date}T00:00:00Z`);
  const rows = Array.from({ length: count }, () => ({}));
  for (const [field, column] of Object.entries(columns)) {
    const isMoment = /_(at|until)$/.test(field);
    column.values.forEach((value, place) => {
      if (value === null) return;
      const meant = column.of ? column.of[value] : value;
      rows[column.at ? column.at[place] : place][field] = isMoment ? new Date(midnight + meant * 1000).toISOString() : meant;
    });
  }
  for (const row of rows) {
    for (const [field, value] of Object.entries(row)) {
      if (Array.isArray(value)) row[field] = value.map((each) => (typeof each === "number" ? rows[each].product : each));
    }
  }
  return rows;
}

// The rows with the `key` by which each is known: its product and cycle.
export const keyed = (rows) => rows.map((row) => ({ ...row, key: `${row.product} ${row.cycle ?? ""}`.trim() }));

// The rows that are known with what has changed in them: those of a product that is named in `changed` are replaced by its rows in `rows`.
export function merged(known, changed, rows) {
  const gone = new Set(changed);
  return [...known.filter((row) => !gone.has(row.product)), ...rows].sort((one, other) => (one.key < other.key ? -1 : 1));
}

// A Map of each domain to its rows.
export function byDomain(rows) {
  const found = new Map();
  for (const row of rows) {
    const domain = row.product.split("/")[0];
    if (found.has(domain)) found.get(domain).push(row);
    else found.set(domain, [row]);
  }
  return found;
}
