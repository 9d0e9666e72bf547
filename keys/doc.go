// Package keys reads single keys from the terminal that a program runs in, and leaves
// that terminal as it was: at every end, also by signals, and while stopped. It cannot
// do so at SIGKILL and SIGSTOP, which nobody can catch, nor at a panic or a fatal error
// of the runtime in some goroutine, for which Go has no hook: "stty sane" helps then.
package keys
