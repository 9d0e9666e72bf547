package config

import "time"

// Log is the [log] table.
type Log struct {
	Level          string        // "debug", "info", "warn" or "error"
	Format         string        // "auto", "text" or "json"
	File           string        // "" = standard output only
	FileFormat     string        // like Format; "auto" = Format
	FileLevel      string        // like Level; "auto" = Level
	MaxSize        int           // MiB at which File is rotated
	MaxFiles       int           // rotated files kept in addition to File
	StatusInterval time.Duration // 0 = 10 s on a terminal, 60 s otherwise
}

func (*Log) table() table {
	return table{name: "log", category: "Reporting", title: "What is reported, how and where.", settings: []Setting{
		{Key: "level", InSample: true, Kind: Enum, Default: "info", Allowed: []string{"debug", "info", "warn", "error"}, Env: "QUARRY_LOG_LEVEL", Flag: "log-level",
			Doc: "least serious messages to report", Example: "debug"},
		{Key: "format", Kind: Enum, Default: "auto", Allowed: []string{"auto", "text", "json"}, Env: "QUARRY_LOG_FORMAT", Flag: "log-format",
			Doc:  "form of the messages",
			Long: "text is lines for people, json one JSON object a line; auto is text,\ncolored on a terminal unless NO_COLOR is set.", Example: "json"},
		{Key: "file", InSample: true, Kind: Path, Env: "QUARRY_LOG_FILE", Flag: "log-file",
			Doc:  "also write messages to this file",
			Long: "A regular file is rotated by size and reopened on SIGHUP; a device or FIFO\nis written to as it is.", Example: "quarry.log"},
		{Key: "file_format", Kind: Enum, Default: "auto", Allowed: []string{"auto", "text", "json"}, Env: "QUARRY_LOG_FILE_FORMAT", Flag: "log-file-format",
			Doc: "form of the messages in the log file; auto is that of the screen", Example: "json"},
		{Key: "file_level", Kind: Enum, Default: "auto", Allowed: []string{"auto", "debug", "info", "warn", "error"}, Env: "QUARRY_LOG_FILE_LEVEL", Flag: "log-file-level",
			Doc: "least serious messages in the log file; auto is that of the screen", Example: "debug"},
		{Key: "max_size", Kind: Int, Default: "10", Min: 1, Max: 10240, Env: "QUARRY_LOG_MAX_SIZE", Flag: "log-max-size",
			Doc: "size in MiB at which the log file is rotated", Example: "50"},
		{Key: "max_files", Kind: Int, Default: "3", Min: 1, Max: 1000, Env: "QUARRY_LOG_MAX_FILES", Flag: "log-max-files",
			Doc: "rotated log files to keep", Example: "10"},
		{Key: "status_interval", InSample: true, Kind: Duration, Auto: true, Default: "auto", Min: int64(time.Second), Max: int64(24 * time.Hour), Env: "QUARRY_STATUS_INTERVAL", Flag: "status-interval",
			Doc:  "time between status lines",
			Long: "auto means 10s on a terminal and 60s otherwise.", Example: "30s"},
	}}
}

func (s *Log) set(c checker, all values) {
	own := all.one("log").items
	*s = Log{
		Level:          own["level"].text,
		Format:         own["format"].text,
		File:           own["file"].text,
		FileFormat:     own["file_format"].text,
		FileLevel:      own["file_level"].text,
		MaxSize:        int(own["max_size"].num),
		MaxFiles:       int(own["max_files"].num),
		StatusInterval: time.Duration(own["status_interval"].num),
	}
	c.checkPath("log.file", own["file"])
}
