package telemetry

import "time"

// PoolState is what a source of jobs does with one of its pools or nodes.
type PoolState string

// The states.
const (
	PoolUnused     PoolState = "unused"     // a better one works
	PoolConnecting PoolState = "connecting" // up to the first job
	PoolReady      PoolState = "ready"      // connected, and others are mined
	PoolActive     PoolState = "active"     // its jobs are mined; maybe its last one while the connection is made again
	PoolLeaving    PoolState = "leaving"    // until the last verdicts are in
	PoolWaiting    PoolState = "waiting"    // to be tried again
	PoolResting    PoolState = "resting"    // left alone because of its bad work
	PoolFailed     PoolState = "failed"     // and not tried again
)

// PoolStatus is what a source of jobs knows about one of its pools or nodes.
type PoolStatus struct {
	URL        string    `json:"url"`
	User       string    `json:"user"`
	State      PoolState `json:"state"`
	Since      time.Time `json:"since,omitzero"` // of the state
	Connected  bool      `json:"connected"`
	Connects   uint64    `json:"connects"`       // connections made so far
	Failures   int       `json:"failures"`       // in a row
	Waiting    int       `json:"shares_waiting"` // for the session to be resumed
	Difficulty Reading   `json:"difficulty"`     // of the next shares
	RetryAt    time.Time `json:"retry_at,omitzero"`
	LastError  Text      `json:"last_error"` // why the last connection failed or ended
}
