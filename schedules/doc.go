// Package schedules decides when a job is due and runs it once. It knows nothing of what a job does.
//
// The promise: every due time of a job is started exactly once, whatever happens to the process, the clock or the time
// zone. It is kept like this:
//
//  1. A cron expression names wall-clock times, date by date, in the job's zone. Each of them becomes one instant: a time
//     that the clock skips in spring becomes the first instant after the gap, a time that it shows twice in autumn becomes
//     the first of the two. So a daily job runs exactly once per local date, and on a job that is due several times a
//     day, times that fall together (those inside a gap) run once. @every D counts whole steps of D since 1970 in UTC, so
//     that a restart does not shift it.
//  2. Nothing is remembered in timers. On a short tick the newest due instant is compared with the last start on record;
//     if it is newer, the job is due. A restart, a clock step or a suspended machine is thus nothing special.
//  3. Several due times missed are made up for by one start, of the newest (catch-up). Without catch-up they are put on
//     record as missed. The first time that a job is seen it is put on record as new: what was due earlier is not missed.
//  4. A job runs under an operating system lock of its own, and the record is read again under the lock. Another process
//     with the same jobs finds either the lock or the record. A crash frees the lock and leaves a record that says
//     running: that start is repeated, once.
package schedules
