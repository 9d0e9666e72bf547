package v1

import (
	"bytes"
	"time"
)

const (
	// floodPause is how long the reader rests between two jobs of a pool that
	// sends more than maxPushesASecond.
	floodPause = 50 * time.Millisecond
	// floodWait is how long the newest job of a flood waits for a newer one.
	floodWait = time.Millisecond
	// floodGap is what it takes to see that a message was not there yet: the reader
	// is not to be woken for each.
	floodGap = 50 * time.Microsecond
)

// impatient is a transport that can be asked for a message without waiting
// long. Lines are; over others every job of a flood is acted on.
type impatient interface {
	// ReadMessageWithin is ReadMessage, except that the message is nil if none
	// was complete in time.
	ReadMessageWithin(time.Duration) ([]byte, error)
}

// inFlood tells whether the message is one job of too many.
func (c *conn) inFlood(line []byte, now time.Time) bool {
	return c.impatient != nil && c.conduct.flood.above(now) && isNotify(line)
}

// skim reads on after a job of a flood, until nothing more is there, and acts
// on the last job only: reading one costs some twenty microseconds, and each
// worker as much again. Then it rests, while others gather.
func (c *conn) skim(job []byte, now time.Time) error {
	for begun := now; ; {
		if c.conduct.flood.add(now) {
			return errFlood
		}
		c.conduct.job = append(c.conduct.job[:0], job...)
		asked := time.Now()
		next, err := c.impatient.ReadMessageWithin(floodWait)
		if err != nil {
			return err
		}
		now = time.Now()
		switch {
		case next == nil:
			return c.rest(now)
		case !c.inFlood(next, now): // in its order: it may be about the jobs that follow
			if err := c.takeJob(now); err != nil {
				return err
			}
			return c.take(next, now)
		case now.Sub(asked) > floodGap:
			if c.conduct.flood.add(now) {
				return errFlood
			}
			c.conduct.job = append(c.conduct.job[:0], next...)
			return c.rest(now)
		case now.Sub(begun) > floodPause:
			if err := c.takeJob(now); err != nil {
				return err
			}
			begun = now
		}
		job = next
	}
}

// rest acts on the kept job, and sleeps. That delays the end of the connection
// by no more.
func (c *conn) rest(now time.Time) error {
	err := c.takeJob(now)
	if err == nil {
		time.Sleep(floodPause)
	}
	return err
}

// takeJob acts on the kept job. (It counts a second time, which is nothing.)
func (c *conn) takeJob(now time.Time) error { return c.take(c.conduct.job, now) }

// isNotify tells mining.notify by its looks: the method stands before the
// params or after them, and there is nothing of a reply in it.
func isNotify(line []byte) bool {
	const ends = 64
	method := []byte(`"mining.notify"`)
	return (bytes.Contains(line[:min(ends, len(line))], method) || bytes.Contains(line[max(0, len(line)-ends):], method)) &&
		!bytes.Contains(line, []byte(`"result"`)) && !bytes.Contains(line, []byte(`"error"`))
}
