// Package keys reads single keys from the terminal that a program runs in, and
// leaves that terminal as it was, whatever happens.
package keys
