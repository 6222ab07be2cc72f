// Package edges is the graph that package explore searches: the moves that a state of a
// small world has, and what each of them makes of it. Situations of the machine are
// kept once (Machines), and each answer of the machine is computed and judged once.
package edges
