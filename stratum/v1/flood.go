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
)

// impatient is a transport that can be asked for a message without waiting
// long. Lines are; over others every job of a flood is acted on.
type impatient interface {
	// ReadMessageWithin is ReadMessage, except that the message is nil if none
	// was complete in time.
	ReadMessageWithin(time.Duration) ([]byte, error)
	// Buffered is how many bytes after the last message have been read already,
	// and when the last of them, or of the message, came.
	Buffered() (bytes int, at time.Time)
	// Doze has the system not wake us for what comes, where it can be told so.
	Doze(bool)
}

// inFlood tells whether the message is one job of too many.
func (c *conn) inFlood(line []byte, now time.Time) bool {
	return c.impatient != nil && c.conduct.flood.above(now) && isNotify(line)
}

// skim reads on after a job of a flood, until nothing more is there, and acts
// on the last job only: reading one costs a microsecond, acting on it some
// twenty, and each worker as much again. Then it rests, while others gather.
func (c *conn) skim(job []byte, now time.Time) error {
	for begun := now; ; {
		if c.conduct.flood.add(now) {
			return errFlood
		}
		c.conduct.job = append(c.conduct.job[:0], job...)
		if left, _ := c.impatient.Buffered(); left == 0 {
			return c.rest(now)
		}
		next, err := c.impatient.ReadMessageWithin(floodWait)
		if err != nil {
			return err
		}
		_, now = c.impatient.Buffered()
		switch {
		case next == nil:
			return c.rest(now)
		case !c.inFlood(next, now): // in its order: it may be about the jobs that follow
			if err := c.takeJob(now); err != nil {
				return err
			}
			return c.take(next, now)
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
		c.impatient.Doze(true)
		time.Sleep(floodPause)
		c.impatient.Doze(false)
	}
	return err
}

// takeJob acts on the kept job. (It counts a second time, which is nothing.)
func (c *conn) takeJob(now time.Time) error { return c.take(c.conduct.job, now) }

// isNotify tells mining.notify by its looks: the method stands before the
// params or after them, and no key of a reply does. Keys are near the ends: what
// is long is between them.
func isNotify(line []byte) bool {
	const ends = 64
	head, tail := line[:min(ends, len(line))], line[max(0, len(line)-ends):]
	has := func(word string) bool {
		return bytes.Contains(head, []byte(word)) || bytes.Contains(tail, []byte(word))
	}
	return has(`"method"`) && has(`"mining.notify"`) && !has(`"result"`) && !has(`"error"`)
}
