// Package layout is what a small world consists of: its definition (World), the packed
// state of everything around the machine (State), and the lists and tables that hold
// hundreds of millions of them. It decides nothing.
package layout
