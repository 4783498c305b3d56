package main

// configTemplate is what `payrecon init` writes: every key with its meaning. The active lines are the few that most
// set-ups need and change nothing when the environment says it all; every other line shows the default or an example
// behind "#- ", so that removing these three characters makes it count. The reference of the configuration in the
// documentation is made of the same text.
const configTemplate = `# payrecon.yaml: the configuration of payrecon.
#
# Order of precedence: flags, then the environment (PAYRECON_API_URL, PAYRECON_API_TOKEN, PAYRECON_API_BASIC,
# PAYRECON_DB, PAYRECON_CONFIG), then this file, then the defaults. Lines that begin with "#- " are switched off; they
# show the default, or an example where it says so. Relative paths count from the working directory.
#
# Secrets never stand in this file, only references to them:
#   env:NAME    an environment variable
#   file:PATH   a file that only its owner may read (chmod 600)
#   cred:NAME   a systemd credential (LoadCredential=NAME:PATH in the unit)
#
# Lengths of time: 30s, 15m, 36h, 2d. Where ages are judged also business days: 1bd (Monday to Friday less holidays).

api:
  # The address of the payouts API: https, or plain http to this machine only.
  base_url: https://api.token.io
  # How requests are authorized; exactly one of the three. PAYRECON_API_TOKEN or PAYRECON_API_BASIC, when set, win.
  auth:
    # A ready bearer token.
    token: "env:PAYRECON_API_TOKEN"
    # A basic key, exactly as issued (example).
    #- basic: "env:PAYRECON_API_BASIC"
    # A signing key: every request is signed anew (example).
    #- key:
    #-   member_id: "m:0000:0000"
    #-   key_id: "0000"
    # The private key in PEM: Ed25519, ECDSA P-256 or RSA.
    #-   file: "file:/etc/payrecon/signing-key.pem"
    # EdDSA, ES256 or RS256; by the kind of key when left out.
    #-   algorithm: EdDSA
    # The form of the signature's expiry: milliseconds (a number, the default) or seconds (a text).
    #-   exp: milliseconds
    # The host to sign for; that of base_url when left out.
    #-   host: api.token.io
  # Ids of the sub-members to ask for, one pass each. Add "" for the plain pass without an id.
  #- on_behalf_of: []
  # At most so many requests per second (5/s), minute (200/m) or hour; none for no limit.
  #- rate_limit: 5/s
  # How long one request may take.
  #- timeout: 30s
  # Whether the command "payouts initiate" may send money.
  #- allow_initiate: false

# The mirror: one SQLite file on a local disk.
database: payrecon.db

# Where a compressed copy of every reconciled ledger is kept, so that a run can be performed again: a folder, or none.
# The folder "evidence" beside the database when left out.
#- evidence: evidence

sync:
  # Every night asks again for at least so many days.
  #- lookback: 7d
  # Windows fetched at once, under the one rate limit.
  #- workers: 4
  # How long after midnight UTC a day counts as ended.
  #- settle: 15m
  # The first day to mirror. The first sync sets it to 45 days back when left out (example).
  #- start: 2026-01-01

ledger:
  # The export of your ledger, CSV or gzip of it; * stands for any characters (example).
  #- path: "exports/ledger-*.csv"
  # Which of the files that fit: newest or all.
  #- take: newest
  # A file older than this is refused, so that yesterday's export is not reconciled twice. Any age when left out (example).
  #- max_age: 36h
  # Which column holds what, by header or by number (1 = first). Left out: found by the usual names (example).
  #- columns:
  #-   ref_id: Reference
  #-   amount: Amount
  #-   currency: Currency
  #-   status: State
  #-   date: Booked
  #-   text: Text
  #-   document: Document
  #-   on_behalf_of: Member
  # Words of the status column besides the usual ones (example).
  #- statuses:
  #-   paid: [GEBUCHT]
  #-   pending: [OFFEN]
  #-   failed: [FEHLER]
  #-   returned: [RETOURE]
  # Which rows to look at, by column: the values to keep, {not: [values to leave out]}, or {sign: positive} (example).
  #- filter:
  #-   Type: [PAYOUT]
  #-   Batch: {not: [TEST]}
  #-   Amount: {sign: positive}
  # The encoding of a file without a byte order mark: utf-8, utf-16 or windows-1252. UTF-8 when left out.
  #- encoding: utf-8
  # comma, semicolon, tab or pipe. Detected when left out (example).
  #- delimiter: semicolon
  # The decimal mark: "." or ",". Detected when left out (example).
  #- decimal: ","
  # The mark between thousands: none, space, or one of . , ' Detected when left out (example).
  #- thousands: none
  # The sign of money that goes out: positive or negative. The other sign is a reversal.
  #- sign: positive
  # The form of dates, of YYYY, YY, MM, M, DD, D, hh, mm, ss; YYYY-MM-DD or RFC 3339 when left out (example).
  #- date_format: DD.MM.YYYY
  # The time zone of dates and times in the ledger.
  #- timezone: UTC
  # The currency of a ledger without a currency column (example).
  #- currency: EUR
  # The days that the extract covers; from its first to its last entry when left out (example).
  #- covers: {from: 2026-01-01, to: 2026-01-31}
  # Totals that the file must have: data rows, and signed sums of the entries (example).
  #- control:
  #-   rows: 2
  #-   sums: {GBP: "40.00"}
  # Whether a file with nothing but a header is fine.
  #- allow_empty: false

reconcile:
  # The days to reconcile: last-35d (or another number), yesterday, month-to-date or last-month.
  #- period: last-35d
  # Records of one reference further apart than this do not belong together.
  #- match_window: 10d
  # How long each side may lag before a difference counts.
  #- grace:
  #-   ledger: 1bd
  #-   provider: 1bd
  # A payout in flight for longer is overdue.
  #- stuck_after: 72h
  # Differences up to this much still agree, per currency.
  #- tolerance: {EUR: "0.00"}
  # From this exposure on a break is one step more severe (example).
  #- materiality: {EUR: "10000.00"}
  # Below this exposure it is of low severity (example).
  #- trivial: {EUR: "1.00"}
  # Days besides Saturday and Sunday that are no business days (example).
  #- holidays: [2026-12-25]
  # Whether references match in any letter case.
  #- case_insensitive: false
  # Fewer entries with a payout than this, of at least 100: the ledger is refused as one of another mirror.
  #- min_overlap: 50%
  # The most references to ask the provider about before a payout is called missing.
  #- confirm_max: 2000

report:
  # The folder for workbooks.
  #- dir: reports
  # The name on the first page.
  entity: ""
  # Whether account numbers are shown in full.
  #- unmask: false
  # What to write: xlsx, csv or both.
  #- format: [xlsx]
  # The most rows on the sheet of agreed records.
  #- matched_max: 200000

# When "payrecon schedule start" runs what (cron, systemd or Kubernetes do as well). A date's run happens once, also
# when the clocks change; catch_up makes up, once, for runs missed while the machine was off.
#- schedules:
#-   - name: nightly
#-     cron: "30 2 * * *"
# The zone of the cron expression.
#-     timezone: UTC
# sync, backfill, reconcile, report or run, with its flags.
#-     run: run
#-     catch_up: true
# When the job is interrupted.
#-     timeout: 2h
# A random delay of up to this much, so that not everybody asks at the same second.
#-     jitter: 0s

notify:
  # What to tell: failure, incomplete, breaks, recovery.
  #- on: [failure, incomplete, breaks, recovery]
  # Breaks of at least this severity: low, medium, high, critical.
  #- severity: high
  # A URL that takes Slack's JSON (example).
  #- webhook: "env:PAYRECON_WEBHOOK_URL"
  # A URL that is called after every success, and with /fail after every failure (example).
  #- heartbeat: "env:PAYRECON_HEARTBEAT_URL"
  # A mail with the workbook attached (example).
  #- email:
  #-   host: mail.example.com
  #-   port: 587
  # starttls, or implicit for a port such as 465. Without encryption only to this machine.
  #-   tls: starttls
  #-   username: payrecon
  #-   password: "cred:mail-password"
  #-   from: payrecon@example.com
  #-   to: [finance@example.com]
  #-   attach: true

metrics:
  # A file for the Prometheus node exporter's textfile collector, written anew at the end of every command
  # that writes to the database, such as run, sync and reconcile. Its name must end in .prom. Mode 0644, because the exporter is another user: it holds counts and
  # times, no amounts, names or accounts. "payrecon schedule start --listen" serves the same figures (example).
  #- textfile: /var/lib/node_exporter/payrecon.prom
`
