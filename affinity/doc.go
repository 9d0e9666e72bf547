// Package affinity finds the CPUs that this process may use, chooses those that
// threads are to run on, and sets the calling thread's CPU and priority.
package affinity
