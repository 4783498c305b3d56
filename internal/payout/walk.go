package payout

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
)

// ErrWalkLost says that somebody else moved a walk on or dropped it: what is known of it in memory is out of date.
var ErrWalkLost = errors.New("the walk was taken up by another run")

// IDHash is the first half of SHA-256 of a payout's id.
type IDHash [16]byte

// HashID returns the hash of an id.
func HashID(id string) IDHash {
	sum := sha256.Sum256([]byte(id))
	return IDHash(sum[:16])
}

// Fingerprint tells sets of ids apart, whatever their order: the sum of their hashes, in two halves modulo 2^64.
// The zero value is the fingerprint of the empty set.
type Fingerprint [16]byte

// Add returns the fingerprint of the set with one more id in it.
func (f Fingerprint) Add(h IDHash) Fingerprint {
	for i := 0; i < 16; i += 8 {
		binary.LittleEndian.PutUint64(f[i:], binary.LittleEndian.Uint64(f[i:])+binary.LittleEndian.Uint64(h[i:]))
	}
	return f
}

// String returns 32 hexadecimal digits.
func (f Fingerprint) String() string { return hex.EncodeToString(f[:]) }

// Seen is one row that a walk saw: enough to know the row again and to fingerprint its day.
type Seen struct {
	Hash IDHash
	Day  Day
}

// Walk is one way through the pages of one window of days under one onBehalfOfId.
type Walk struct {
	ID         int64 // 0 until its first page is committed
	Run        int64
	Task       string // what it is part of; a task takes up its own walks only
	OnBehalfOf string
	Days       Period // the days it is to prove; its query may ask for more
	Query      Query  // exactly as asked: a cursor is good for its own query only
	Began      Millis // the earlier of our clock and the server's Date at its first page; 0 before
	Cursor     string // of the next page
	CursorAt   Millis // when that cursor was given
	Pages      int    // committed
	Rows       int
}

// DayTally is what one walk saw of one day.
type DayTally struct {
	Day     Day
	Count   int // different ids
	Print   Fingerprint
	Repeats int // rows whose id the walk had seen before
}

// Contest says what speaks against a day: why its next proof needs more than a walk without repeats, or what is to be told of it.
type Contest uint8

// Uncontested: nothing speaks against the day. Disproved: later evidence contradicted a complete day.
// CutShort: a walk over the day ended without a regular end (PageUnsure). Doubted: so did one over a complete day, whose
// proof is kept and compared with the next walk. Untold: it is complete, without payouts that the API had shown before, and
// nobody has been told what became of them. UntoldDoubted: Doubted, when it was Untold.
const (
	Uncontested Contest = iota
	Disproved
	CutShort
	Doubted
	Untold
	UntoldDoubted
)

// IsDoubted reports whether the day was shown complete, and a walk over it came to no regular end since.
func (c Contest) IsDoubted() bool { return c == Doubted || c == UntoldDoubted }

// IsUntold reports whether nobody has been told of payouts without which the day was shown complete.
func (c Contest) IsUntold() bool { return c == Untold || c == UntoldDoubted }

// DayRecord is what is stored of one day under one onBehalfOfId.
type DayRecord struct {
	DayEvidence             // the last walk that began late enough to prove the day, whether it did or not
	Print       Fingerprint // that walk's
	Known       int         // ids of the day that this onBehalfOfId ever showed
	KnownPrint  Fingerprint
	Contest     Contest
	ContestedBy int64 // the walk that contested it; 0 when it was no walk
}

// DayVerdict is what a finished walk makes of one of its days.
type DayVerdict struct {
	Tally   DayTally
	State   DayState
	Counts  bool // the walk began late enough: it becomes the day's last walk
	Contest Contest
	Why     string // why it is not complete

	Missed   bool   // payouts known of the day were not shown: CommitPage is to return them
	Standing bool   // it was shown complete before, by a walk over the same payouts
	Doubt    string // what a person should know of a walk that contradicts the day's proof; "" = nothing
}

// DayJudged is a verdict that was committed.
type DayJudged struct {
	DayVerdict
	NotShown []HeldPayout // with Missed
}

// PageCommit is what one transaction writes: a page's payouts, and where its walk stands afterwards.
type PageCommit struct {
	Run        int64
	OnBehalfOf string // the onBehalfOfId the page was asked with
	Payouts    []Payout
	Asked      Millis

	// For a page of a walk; nil for the answers of a sweep or of a look-up by id or reference.
	Walk *Walk  // as it stood before the page; its ID, Pages, Rows, Cursor and Began are moved on when the commit succeeds
	Next string // the cursor of the next page
	End  PageEnd
	Seen []Seen // the page's rows
	// Judge is called within the transaction for each of the walk's days when End is not PageMore, with the walk's ID.
	Judge func(walk int64, day DayRecord) DayVerdict
	// Shown reports whether the walk has shown an id. It is called as Judge is.
	Shown func(IDHash) bool

	Detail bool // name the ids in the result
}

// PageResult says what a page changed. Every row counts once, in New, Changed or Unchanged.
type PageResult struct {
	New, Changed, Unchanged int
	Alerts                  []string
	Disproved               []Day // complete days in which the page showed something new
	Judged                  []DayJudged
	NewIDs, ChangedIDs      []string // with PageCommit.Detail; ChangedIDs also those shown later but dated earlier than what stands
}

// HeldPayout is a payout that the mirror holds, as far as a sweep must know it.
type HeldPayout struct {
	N          int64 // the mirror's own number
	ID         string
	OnBehalfOf string
	Created    Millis
}
