// Package past reads what follows from a history: who lives, who is idle, who is
// throttled, what is due. It reads the steps from the first to the last each time, and
// keeps nothing but them. It judges nothing.
package past
