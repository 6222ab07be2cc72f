package boot

import "time"

// deadmanDelay is how long a death may take before SIGALRM ends the process.
const deadmanDelay = 5 * time.Second
