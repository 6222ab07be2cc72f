package sim

import "github.com/stationmaster/stationmaster/core"

// due is a happening that stands in the future.
type due struct {
	when core.Time
	seq  uint64
	life uint32 // of ref when it was scheduled; 0: always good
	ref  int32
	arg  int32
	what happening
}

// schedule orders what is to come by (time, sequence number).
type schedule struct {
	heap []due
	seq  uint64
}

func (h *schedule) reset() { h.heap, h.seq = h.heap[:0], 0 }

func (d *due) before(o *due) bool {
	return d.when < o.when || d.when == o.when && d.seq < o.seq
}

// push adds d behind everything that is due at the same time.
func (h *schedule) push(d due) {
	h.seq++
	d.seq = h.seq
	h.insert(d)
}

// insert puts d where its time and number belong.
func (h *schedule) insert(d due) {
	h.heap = append(h.heap, d)
	i := len(h.heap) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if !d.before(&h.heap[parent]) {
			break
		}
		h.heap[i] = h.heap[parent]
		i = parent
	}
	h.heap[i] = d
}

// remove takes out the one at place i of the heap.
func (h *schedule) remove(i int) {
	last := len(h.heap) - 1
	moved := h.heap[last]
	h.heap = h.heap[:last]
	if i == last {
		return
	}
	h.heap[i] = moved
	for i > 0 && h.heap[i].before(&h.heap[(i-1)/2]) {
		parent := (i - 1) / 2
		h.heap[i], h.heap[parent] = h.heap[parent], h.heap[i]
		i = parent
	}
	h.sink(i)
}

// pop takes the next one. The schedule must not be empty.
func (h *schedule) pop() due {
	top := h.heap[0]
	last := len(h.heap) - 1
	moved := h.heap[last]
	h.heap = h.heap[:last]
	if last > 0 {
		h.heap[0] = moved
		h.sink(0)
	}
	return top
}

// sink moves the one at place i down to where it belongs.
func (h *schedule) sink(i int) {
	moved := h.heap[i]
	last := len(h.heap)
	for {
		c := 2*i + 1
		if c >= last {
			break
		}
		if c+1 < last && h.heap[c+1].before(&h.heap[c]) {
			c++
		}
		if !h.heap[c].before(&moved) {
			break
		}
		h.heap[i] = h.heap[c]
		i = c
	}
	h.heap[i] = moved
}
