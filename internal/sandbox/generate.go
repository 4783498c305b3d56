package sandbox

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"payrecon/internal/payout"
)

// When payouts are made: by hour of the day (UTC), and less on weekends.
var (
	hourWeights = [24]int{1, 1, 1, 1, 2, 3, 6, 9, 12, 14, 14, 13, 12, 13, 14, 13, 11, 8, 5, 4, 3, 2, 1, 1}
	weekdayLoad = 10
	weekendLoad = 3
)

// lay fills the store: the planted payouts, and as many others as are wanted, in order of creation.
func (s *Sandbox) lay() {
	var planted []plantedPayout
	if s.o.Breaks > 0 {
		s.cases, planted = plant(s)
	}
	slices.SortStableFunc(planted, func(a, b plantedPayout) int { return int(min(max(a.created-b.created, -1), 1)) })
	others := s.creations(max(s.o.Payouts-len(planted), 0))
	st := s.store
	st.rows = make([]row, 0, len(others)+len(planted))
	st.order = make([]uint32, cap(st.rows))
	for i := range st.order {
		st.order[i] = uint32(i)
	}
	for _, created := range others {
		for len(planted) > 0 && planted[0].created <= created {
			st.layPlanted(planted[0])
			planted = planted[1:]
		}
		owner := draw(st.hash(uint32(len(st.rows))), saltOwner) % uint64(len(st.owners))
		st.rows = append(st.rows, row{created, uint16(owner), -1})
	}
	for _, p := range planted {
		st.layPlanted(p)
	}
}

func (st *store) layPlanted(p plantedPayout) {
	p.num = uint32(len(st.rows))
	st.rows = append(st.rows, row{p.created, p.owner, int32(len(st.given))})
	st.given = append(st.given, p.given)
	st.index(p.given)
}

// creations returns when n payouts are created, ascending: n up to the clock's start, and as dense as that for the days
// to come.
func (s *Sandbox) creations(n int) []int64 {
	today := payout.DayOf(s.start)
	first, last := today-payout.Day(s.o.Days)+1, today+payout.Day(s.o.FutureDays)
	until := millis(s.start)
	loads := make([]int, 0, last-first+1) // up to the start for today
	past := 0
	for d := first; d <= today; d++ {
		load := dayLoad(d, until)
		if d == first && d == today {
			load = max(load, 1)
		}
		loads = append(loads, load)
		past += load
	}
	rng := rand.New(rand.NewPCG(s.o.Seed, saltTime))
	made := make([]int64, 0, n)
	done := 0
	for i, load := range loads {
		share := done + load
		count := int(int64(n)*int64(share)/int64(past)) - int(int64(n)*int64(done)/int64(past))
		d := first + payout.Day(i)
		made = appendDay(made, rng, d, count, millis(d.Start()), min(until+1, millis((d+1).Start())))
		done = share
	}
	if s.o.FutureDays == 0 {
		return made
	}
	for d := today; d <= last; d++ {
		load := dayLoad(d, math.MaxInt64)
		if d == today {
			load -= dayLoad(d, until)
		}
		made = appendDay(made, rng, d, int(int64(n)*int64(load)/int64(past)), max(until+1, millis(d.Start())), millis((d + 1).Start()))
	}
	return made
}

// dayLoad weighs the part of day d before until.
func dayLoad(d payout.Day, until int64) int {
	per := weekdayLoad
	if w := d.Start().Weekday(); w == time.Saturday || w == time.Sunday {
		per = weekendLoad
	}
	load := 0
	for h, weight := range hourWeights {
		if millis(d.Start())+int64(h)*hour < until {
			load += weight * per
		}
	}
	return load
}

// appendDay adds count instants of day d in [from, to), busier in the hours that are. One in eight falls on a whole second.
func appendDay(made []int64, rng *rand.Rand, d payout.Day, count int, from, to int64) []int64 {
	var hours []int64 // each as often as its weight
	for h, weight := range hourWeights {
		start := millis(d.Start()) + int64(h)*hour
		for range weight {
			if start+hour > from && start < to {
				hours = append(hours, start)
			}
		}
	}
	if len(hours) == 0 {
		return made
	}
	begin := len(made)
	for range count {
		start := hours[rng.IntN(len(hours))]
		lo, hi := max(start, from), min(start+hour, to)
		at := lo + rng.Int64N(hi-lo)
		if whole := at / second * second; at%8 == 0 && whole >= lo {
			at = whole
		}
		made = append(made, at)
	}
	slices.Sort(made[begin:])
	return made
}
