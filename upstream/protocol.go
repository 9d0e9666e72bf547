package upstream

import (
	"context"
	"time"

	"go.uber.org/zap"

	"quarry/hashing"
	"quarry/internal/event"
	"quarry/work"
)

// Member is one pool or node of the list.
type Member struct {
	Name     string // unique, safe to print: its URL, with the user where several members share that
	URL      string // safe to print
	User     string // as which shares are submitted, for statistics; not a secret
	Quota    int    // percent of the hashing, with StrategyBalance; 0: only if no other works
	Protocol Protocol
}

// Protocol is how one member is spoken to. Open and Learn are called by one
// goroutine at a time.
type Protocol interface {
	// Route is how the member is reached, for logs; zap.Skip if directly.
	Route() zap.Field
	// Open connects. The session has not spoken yet: Session.Run does.
	Open(context.Context, Terms) (Session, error)
	// Learn takes the error with which Open or a session ended, and the number of
	// failures in a row before it. It returns what the next session does differently
	// if that should be tried at once, else an empty text.
	Learn(end error, status Status, failures int) (change event.Phrase)
	// Class returns what the error, of Open or Session.Run, means for the next attempt.
	// It may be called at any time.
	Class(error) Class
}

// Terms are what a session is opened with.
type Terms struct {
	Number uint64 // of the session, which becomes work.Job.Session
	Resume Resume // of the previous session at this member; nil: none
	Events Events
	Log    *zap.Logger // names the member already
}

// Events are what a session reports, mostly on the goroutine that reads from the
// member. They do not block.
type Events struct {
	Publish    func(*work.Job)
	Subscribed func(resumed bool) // at most once: whether shares of the previous session can be sent in this one
	Working    func()             // at most once: shares can be found and sent
	// Health reports why another member would be better although this one still
	// works; nil: it is healthy again.
	Health func(error)
}

// Session is one connection to a member, from the handshake to its end.
type Session interface {
	// Run shakes hands, stays until the session ends and returns why; if ctx ended
	// it, the context's cause. All that it started has ended when it returns.
	Run(ctx context.Context) error
	// Submit delivers a share, of this session or of one that it resumed, and waits
	// for the verdict. Many goroutines may call it.
	Submit(ctx context.Context, share *work.Share) work.Verdict
	Status() Status
	// Retire reports whether no share waits for its verdict. If so, the session takes
	// no more shares, and its end loses none.
	Retire() bool
	// Outdated reports whether there is a newer block than the job's.
	Outdated(job *work.Job) bool
	// Resume is what the session leaves for the next one; nil: nothing.
	Resume() Resume
}

// Resume is what is needed to continue a session over a new connection. It must
// not be given to another member, which might take the session over with it.
type Resume interface {
	// Asks reports whether the next session asks the member to resume this one.
	Asks() bool
	// Possible reports whether the next session may turn out to be the same.
	Possible() bool
}

// Status is what every kind of session knows about itself.
type Status struct {
	Subscribed bool               // it is agreed how jobs are made
	Authorized bool               // shares are taken
	Difficulty hashing.Difficulty // of the next job's shares
	Mask       uint32             // version bits to roll; 0: none
	PaysUser   bool               // the newest job pays the user's own address
}

// Class is what the end of a session means.
type Class struct {
	Kind   Kind
	Wait   time.Duration // with Moved: before connecting again
	Switch bool          // trying again soon does not help: another member is wanted at once
}

// Kind is how long to leave the member alone.
type Kind int

// The kinds.
const (
	Failed        Kind = iota // the pauses grow from a second to a minute
	Misconfigured             // nothing changes before the user acts: a minute
	Refused                   // the user is not known: half a minute to ten; shares do not wait
	Deauthorized              // an authorized user is no longer known: at once, but the second time ten minutes
	Suspended                 // the machine slept: no failure, at once
	Moved                     // the member asked for a new connection: no failure, after Wait
)
