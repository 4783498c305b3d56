package payout

// Status is the API's word for where a payout stands, kept verbatim also when it is none of the five documented ones.
type Status string

// The documented statuses (the provider's PayoutStatus).
const (
	Pending    Status = "INITIATION_PENDING"
	Processing Status = "INITIATION_PROCESSING"
	Completed  Status = "INITIATION_COMPLETED"
	Rejected   Status = "INITIATION_REJECTED"
	Failed     Status = "INITIATION_FAILED"
)

// StatusClass groups statuses as matching sees them: the columns of its table.
type StatusClass uint8

// The classes of a status. Live = everything but Dead.
const (
	ClassCompleted StatusClass = iota
	ClassInFlight
	ClassDead
	ClassUnknown
)

// StatusInfo tells what one documented status means.
type StatusInfo struct {
	Status Status
	Class  StatusClass
	Final  bool   // the provider says it does not change any more; if it does all the same, that is an alert
	Words  string // for people. COMPLETED is never called paid or settled: the provider does not promise that
}

// Statuses lists the documented statuses in the order of a payout's life.
var Statuses = []StatusInfo{
	{Pending, ClassInFlight, false, "Initiation pending"},
	{Processing, ClassInFlight, false, "Initiation processing at the bank"},
	{Completed, ClassCompleted, true, "Initiation completed (settlement not confirmed)"},
	{Rejected, ClassDead, true, "Initiation rejected by the bank"},
	{Failed, ClassDead, true, "Initiation failed"},
}

func (s Status) info() StatusInfo {
	for _, i := range Statuses {
		if i.Status == s {
			return i
		}
	}
	return StatusInfo{s, ClassUnknown, false, "Unknown status " + string(s)}
}

// Class returns the class of the status; a status that is not documented is ClassUnknown.
func (s Status) Class() StatusClass {
	switch s {
	case Completed:
		return ClassCompleted
	case Pending, Processing:
		return ClassInFlight
	case Rejected, Failed:
		return ClassDead
	}
	return ClassUnknown
}

// Final reports whether the provider documents the status as the last one. An unknown status is not final.
func (s Status) Final() bool { return s.info().Final }

// Live reports whether money has left or may still leave: every status but REJECTED and FAILED.
func (s Status) Live() bool { return s.Class() != ClassDead }

// Words returns the status for people.
func (s Status) Words() string { return s.info().Words }

// FinalStatuses lists the final ones: what a sweep leaves out.
func FinalStatuses() []Status { return []Status{Completed, Rejected, Failed} }
