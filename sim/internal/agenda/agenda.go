// Package agenda holds what is to happen in a simulated world, in the order of its times.
package agenda

import "github.com/stationmaster/stationmaster/core"

// Due is a happening that stands in the future.
type Due struct {
	When core.Time
	seq  uint64
	Life uint32 // of ref when it was scheduled; 0: always good
	Ref  int32
	Arg  int32
	What Happening
}

// Agenda orders what is to come by (time, sequence number).
type Agenda struct {
	Heap []Due
	seq  uint64
}

// Reset empties the agenda.
func (h *Agenda) Reset() { h.Heap, h.seq = h.Heap[:0], 0 }

// Before reports whether d comes first.
func (d *Due) Before(o *Due) bool {
	return d.When < o.When || d.When == o.When && d.seq < o.seq
}

// Push adds d behind everything that is due at the same time.
func (h *Agenda) Push(d Due) {
	h.seq++
	d.seq = h.seq
	h.Insert(d)
}

// Insert puts d where its time and number belong.
func (h *Agenda) Insert(d Due) {
	h.Heap = append(h.Heap, d)
	i := len(h.Heap) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if !d.Before(&h.Heap[parent]) {
			break
		}
		h.Heap[i] = h.Heap[parent]
		i = parent
	}
	h.Heap[i] = d
}

// Remove takes out the one at place i of the heap.
func (h *Agenda) Remove(i int) {
	last := len(h.Heap) - 1
	moved := h.Heap[last]
	h.Heap = h.Heap[:last]
	if i == last {
		return
	}
	h.Heap[i] = moved
	for i > 0 && h.Heap[i].Before(&h.Heap[(i-1)/2]) {
		parent := (i - 1) / 2
		h.Heap[i], h.Heap[parent] = h.Heap[parent], h.Heap[i]
		i = parent
	}
	h.sink(i)
}

// Pop takes the next one. The agenda must not be empty.
func (h *Agenda) Pop() Due {
	top := h.Heap[0]
	last := len(h.Heap) - 1
	moved := h.Heap[last]
	h.Heap = h.Heap[:last]
	if last > 0 {
		h.Heap[0] = moved
		h.sink(0)
	}
	return top
}

// sink moves the one at place i down to where it belongs.
func (h *Agenda) sink(i int) {
	moved := h.Heap[i]
	last := len(h.Heap)
	for {
		c := 2*i + 1
		if c >= last {
			break
		}
		if c+1 < last && h.Heap[c+1].Before(&h.Heap[c]) {
			c++
		}
		if !h.Heap[c].Before(&moved) {
			break
		}
		h.Heap[i] = h.Heap[c]
		i = c
	}
	h.Heap[i] = moved
}
