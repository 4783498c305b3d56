package reconcile

import (
	"maps"

	"payrecon/internal/payout"
)

// joined is what one worker, and in the end all of them, found.
type joined struct {
	tally    tally       // of agreed findings, which are not kept
	agreed   digest      // of agreed findings
	findings []*finding  // all others, and the agreed ones of keys with open items
	pending  []*unproven // keys with entries that may be missing at the provider

	// For findings that look beyond the records of their key.
	namesakes map[payout.Key]*namesakes // by reference alone
	strays    map[payout.Key]*pay       // shown by the provider, of keys that are not pending

	guards guards
}

// unproven is a key that waits for evidence: if the provider shows another payout, the key is matched again as a whole.
type unproven struct {
	g        *group
	findings []*finding
}

func newJoined() *joined { return &joined{tally: newTally(), namesakes: map[payout.Key]*namesakes{}} }

func (o *joined) merge(with *joined) error {
	o.tally.merge(&with.tally)
	o.agreed.merge(with.agreed)
	o.findings = append(o.findings, with.findings...)
	o.pending = append(o.pending, with.pending...)
	maps.Copy(o.namesakes, with.namesakes)
	o.guards.keys += with.guards.keys
	o.guards.netted += with.guards.netted
	o.guards.entries += with.guards.entries
	o.guards.withPayout += with.guards.withPayout
	return o.tally.err
}

// settle matches a key and keeps what must be kept.
func (o *joined) settle(j *join, g *group) error {
	findings, err := j.resolve(g)
	if err != nil {
		return err
	}
	for _, f := range findings {
		if f.outcome == payout.MissingAtProvider && f.inScope() {
			o.pending = append(o.pending, &unproven{g, findings})
			return nil
		}
	}
	for _, f := range findings {
		if err := o.keep(j, f); err != nil {
			return err
		}
	}
	return nil
}

// resolve brings the records of open items into scope and puts the key through the rules.
func (j *join) resolve(g *group) ([]*finding, error) {
	for _, p := range g.pays {
		p.used = false
	}
	for _, e := range g.ents {
		e.used, e.offset = false, false
	}
	g.sort()
	j.items.claim(g, j.byOBO)
	return j.m.match(g)
}

// keep counts an agreed finding and forgets it, and keeps every other one that is in scope.
func (o *joined) keep(j *join, f *finding) error {
	switch {
	case !f.inScope():
		return nil
	case f.outcome.Class() != payout.Agreed || len(f.g.items) > 0:
		o.findings = append(o.findings, f)
		return nil
	}
	return o.agree(j, f)
}

// agree counts an agreed finding.
func (o *joined) agree(j *join, f *finding) error {
	o.tally.add(f)
	o.agreed.addFinding(f)
	if j.matched != nil {
		return j.matched.add(f)
	}
	return nil
}

// inScope: a pair or group is in scope if any of its records is, and is shown whole.
func (f *finding) inScope() bool {
	for _, p := range f.pays {
		if p.scoped {
			return true
		}
	}
	for _, e := range f.ents {
		if e.scoped {
			return true
		}
	}
	return len(f.rejected) > 0
}

// inPeriod reports whether a finding concerns the period, and is not only here because of an open item.
func (f *finding) inPeriod() bool {
	for _, p := range f.pays {
		if p.in {
			return true
		}
	}
	for _, e := range f.ents {
		if e.in {
			return true
		}
	}
	return len(f.rejected) > 0
}
