package sandbox

import (
	"slices"
	"sort"
)

// A page is cut from a list of numbers in listing order: the payouts that were asked for by name, or all of a range of
// days. From the mark on, those that pass the rest of the query are taken until the page is full.

// candidates returns the numbers a query has to look at, oldest first. The caller holds the lock.
func (s *Sandbox) candidates(q *pageQuery, now int64) []uint32 {
	st := s.store
	named := len(q.refs) > 0 || len(q.ids) > 0 && !q.notIDs
	if !named {
		lo := sort.Search(len(st.order), func(i int) bool { return st.rows[st.order[i]].created >= q.from })
		hi := sort.Search(len(st.order), func(i int) bool { return st.rows[st.order[i]].created > min(q.to, now) })
		return st.order[lo:max(lo, hi)]
	}
	var nums []uint32
	if len(q.refs) > 0 {
		for _, ref := range q.refs {
			nums = append(nums, st.numbersOf(ref)...)
		}
	} else {
		for _, id := range q.ids {
			if num, ok := st.numberOf(id); ok {
				nums = append(nums, num)
			}
		}
	}
	slices.SortFunc(nums, func(a, b uint32) int {
		switch {
		case st.before(a, b):
			return -1
		case a == b:
			return 0
		}
		return 1
	})
	return slices.DeleteFunc(slices.Compact(nums), func(num uint32) bool {
		c := st.rows[num].created
		return c < q.from || c > q.to || s.bare(num) && len(q.refs) > 0
	})
}

// filter returns the test that a candidate must pass.
func (s *Sandbox) filter(q *pageQuery, now int64) func(uint32) bool {
	st := s.store
	listed := make(map[uint32]bool, len(q.ids))
	for _, id := range q.ids {
		if num, ok := st.numberOf(id); ok {
			listed[num] = true
		}
	}
	owner, anyOwner := -1, false
	switch {
	case q.owned:
		owner = slices.Index(st.owners, q.owner)
	case s.o.OwnOnly:
		owner = slices.Index(st.owners, "")
	default:
		anyOwner = true
	}
	return func(num uint32) bool {
		switch {
		case !anyOwner && int(st.rows[num].owner) != owner,
			len(q.ids) > 0 && listed[num] == q.notIDs,
			!s.shown(num, now),
			q.statuses != allStatuses && q.statuses&(1<<s.stateOf(num, now).status) == 0:
			return false
		}
		return true
	}
}

// page is one page's numbers and the cursor of the next.
type page struct {
	nums []uint32
	next string
}

// cut returns the page of q that begins at from.
func (s *Sandbox) cut(q *pageQuery, from mark, now int64) page {
	f := &s.o.Faults
	list := s.candidates(q, now)
	newest := f.Order == "newest"
	at := func(i int) uint32 {
		if newest {
			return list[len(list)-1-i]
		}
		return list[i]
	}
	pass := s.filter(q, now)
	skip, i := s.begin(q, from, len(list), at)
	p := page{nums: make([]uint32, 0, q.limit)}
	passed := uint32(0)
	for ; i < len(list) && len(p.nums) < q.limit; i++ {
		if num := at(i); pass(num) {
			if passed++; passed > skip {
				p.nums = append(p.nums, num)
			}
		}
	}
	if len(p.nums) == 0 || len(p.nums) < q.limit && !f.ShortCursor {
		return p
	}
	if f.LastCursor != "next" && len(p.nums) == q.limit {
		for i < len(list) && !pass(at(i)) {
			i++
		}
		if i == len(list) {
			p.next = s.lastCursor(q, now)
			return p
		}
	}
	last := p.nums[len(p.nums)-1]
	after := mark{created: s.store.rows[last].created, num: last}
	if f.Cursor == "position" {
		after = mark{count: passed}
	}
	p.next = s.cursorFor(q, after, now)
	return p
}

// begin returns where in the list to begin, and how many payouts that pass the query to leave out from there. The
// faults that repeat or lose a row move it by one.
func (s *Sandbox) begin(q *pageQuery, from mark, n int, at func(int) uint32) (skip uint32, i int) {
	if !from.set {
		return 0, 0
	}
	f := &s.o.Faults
	repeat := f.RepeatRows > 0 && s.memory.spend("repeat", f.RepeatRows)
	shift := f.ShiftRows > 0 && s.memory.spend("shift", f.ShiftRows)
	if f.Cursor == "position" {
		skip = from.count
		if repeat && skip > 0 {
			skip--
		}
	} else {
		beyond := func(num uint32) bool { // num lies after the mark
			c := s.store.rows[num].created
			if c == from.created {
				return f.Order == "newest" && num < from.num || f.Order != "newest" && num > from.num
			}
			return (c > from.created) != (f.Order == "newest")
		}
		i = sort.Search(n, func(i int) bool { return beyond(at(i)) })
		if repeat && i > 0 {
			i--
		}
	}
	if shift {
		skip++
	}
	return skip, i
}

// lastCursor is what a full last page carries when its cursor is not to lead to an empty page.
func (s *Sandbox) lastCursor(q *pageQuery, now int64) string {
	switch {
	case s.o.Faults.LastCursor == "none":
		return ""
	case q.cursor != "":
		return q.cursor
	}
	first := mark{created: -1 << 62}
	if s.o.Faults.Order == "newest" {
		first.created = 1 << 62
	}
	return s.cursorFor(q, first, now)
}
