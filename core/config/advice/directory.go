package advice

import (
	"path"

	"github.com/stationmaster/stationmaster/core/config"
)

// directories checks the directories that the master itself needs at its
// start. Whether mail_owner may write there is not judged: that takes more than
// a look from outside.
func (c *check) directories() {
	queue, data := c.p.QueueDirectory(), c.p.DataDirectory()
	switch {
	case c.noDirectory(queue):
		c.inMain(QueueDirectory, c.valueAt("queue_directory"), "queue_directory = "+queue+" is not a directory: the master does not start",
			"create the directory, or correct queue_directory")
	case c.noDirectory(lockDirectory(queue)):
		c.inMain(QueueDirectory, c.valueAt("queue_directory"), lockDirectory(queue)+" is not a directory: the master cannot make its lock file there, and does not start",
			"create the directory (postfix check creates the missing ones of the queue), or correct queue_directory")
	}
	if c.noDirectory(data) {
		c.inMain(DataDirectory, c.valueAt("data_directory"), "data_directory = "+data+" is not a directory: the master cannot make its lock file there, and does not start",
			"create the directory and give it to mail_owner, or correct data_directory")
	}
	c.logFile()
	c.journalFile()
}

// logFile checks the file of the log. postlogd makes the file, but no
// directory.
func (c *check) logFile() {
	file, at := logFile(c.p), c.valueAt("maillog_file")
	if file == "" {
		return
	}
	switch program, known := c.in.Programs[file]; {
	case c.noDirectory(path.Dir(file)):
		c.inMain(LogFile, at, path.Dir(file)+" is not a directory: nothing is logged", "create the directory, or correct maillog_file")
	case known && program.Directory:
		c.inMain(LogFile, at, "maillog_file = "+file+" is a directory: nothing is logged", "name a file")
	}
}

// journalFile checks the file of the journal, which the master makes likewise.
func (c *check) journalFile() {
	const name = "master_journal_file"
	file, at := fileOf(c.p, name), c.p.Origin(name)
	if file == "" {
		return
	}
	directory := path.Dir(file)
	switch program, known := c.in.Programs[file]; {
	case directory != c.p.DataDirectory() && c.noDirectory(directory): // data_directory is reported already
		c.say(JournalFile, at.File, at.At, directory+" is not a directory: no steps are recorded", "create the directory and give it to mail_owner, or correct "+name)
	case known && program.Directory:
		c.say(JournalFile, at.File, at.At, name+" = "+file+" is a directory: no steps are recorded", "name a file")
	}
}

// logFile is the file of the log, empty if there is none or the master refuses
// it.
func logFile(p *config.Parameters) string { return fileOf(p, "maillog_file") }

// fileOf is the file that a parameter names, empty if it names none or one that the
// master refuses.
func fileOf(p *config.Parameters, parameter string) string {
	file, err := p.Value(parameter)
	if err != nil || !absolute(file) {
		return ""
	}
	return file
}

// lockDirectory is where the master locks others out of the queue.
func lockDirectory(queue string) string { return queue + "/pid" }

// ownDirectories lists what directories looks at. A path that is not absolute
// means nothing here: it counts from where the master is started.
func ownDirectories(p *config.Parameters) (list []string) {
	if queue := p.QueueDirectory(); absolute(queue) {
		list = append(list, queue, lockDirectory(queue))
	}
	if data := p.DataDirectory(); absolute(data) {
		list = append(list, data)
	}
	return list
}

func absolute(path string) bool { return path != "" && path[0] == '/' }

// noDirectory reports whether a path is known to be no directory.
func (c *check) noDirectory(path string) bool {
	program, known := c.in.Programs[path]
	return known && !program.Unknown && !program.Directory
}
