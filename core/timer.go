package core

// timerKind identifies the purpose of a timer.
type timerKind uint8

const (
	timerNone timerKind = iota
	timerThrottle
	timerWakeup
	timerRemoval
	timerWakeupLimit
	timerChannelClosed
	timerExit
	timerLeaving
)

// timer is a deadline embedded in its owner. Only the machine's heap changes its
// fields.
type timer struct {
	when    Time
	seq     uint64
	pos     int32 // index in the heap plus one; 0: not armed
	kind    timerKind
	service *service
	child   *child
	wakeup  *wakeup
}

func (t *timer) armed() bool { return t.pos != 0 }

// timerHeap orders the armed timers by (when, seq): equal deadlines expire in
// the order in which they were armed.
type timerHeap struct {
	heap []*timer
	seq  uint64
}

func (h *timerHeap) less(a, b *timer) bool {
	return a.when < b.when || a.when == b.when && a.seq < b.seq
}

// arm sets the timer's deadline, replacing an earlier one.
func (h *timerHeap) arm(t *timer, when Time) {
	h.cancel(t)
	h.seq++
	t.when, t.seq = when, h.seq
	h.push(t)
}

func (h *timerHeap) push(t *timer) {
	h.heap = append(h.heap, t)
	t.pos = int32(len(h.heap))
	h.up(len(h.heap) - 1)
}

// cancel disarms the timer; it does nothing if the timer is not armed.
func (h *timerHeap) cancel(t *timer) {
	if t.pos == 0 {
		return
	}
	i, last := int(t.pos-1), len(h.heap)-1
	moved := h.heap[last]
	h.heap[i], h.heap[last] = moved, nil
	h.heap = h.heap[:last]
	t.pos = 0
	if moved != t {
		moved.pos = int32(i + 1)
		h.up(i)
		h.down(int(moved.pos - 1))
	}
}

// due returns the next timer whose time has come, or nil.
func (h *timerHeap) due(now Time) *timer {
	if len(h.heap) == 0 || h.heap[0].when > now {
		return nil
	}
	return h.heap[0]
}

func (h *timerHeap) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !h.less(h.heap[i], h.heap[parent]) {
			return
		}
		h.swap(i, parent)
		i = parent
	}
}

func (h *timerHeap) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(h.heap) {
			return
		}
		if right := child + 1; right < len(h.heap) && h.less(h.heap[right], h.heap[child]) {
			child = right
		}
		if !h.less(h.heap[child], h.heap[i]) {
			return
		}
		h.swap(i, child)
		i = child
	}
}

func (h *timerHeap) swap(i, j int) {
	h.heap[i], h.heap[j] = h.heap[j], h.heap[i]
	h.heap[i].pos, h.heap[j].pos = int32(i+1), int32(j+1)
}
