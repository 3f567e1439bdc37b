export interface ServerSettings {
  readonly port: number;
  readonly fsync: boolean;
  readonly maxConnections: number;
}

/** Settings are given on the command line, so a newer Loopwright changes them without touching the files in the data folder. */
export function settingArguments(settings: ServerSettings): string[] {
  return Object.entries(serverSettings(settings)).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

function serverSettings(settings: ServerSettings): Record<string, string | number> {
  return {
    cluster_name: "loopwright",
    listen_addresses: "127.0.0.1",
    port: settings.port,
    unix_socket_directories: "",
    max_connections: settings.maxConnections,
    fsync: settings.fsync ? "on" : "off",
    synchronous_commit: "on",
    full_page_writes: "on",
    wal_level: "minimal", // nothing reads the log but recovery; minimal demands that there are no senders
    max_wal_senders: 0,
    shared_buffers: "64MB",
    io_method: "sync", // the default keeps three idle I/O processes
    max_logical_replication_workers: 0, // as above: no idle launcher
    max_parallel_workers_per_gather: 0, // parallel queries need /dev/shm, which containers keep small
    autovacuum: "on",
    autovacuum_max_workers: 2,
    jit: "off",
    timezone: "UTC",
    ...LOG_SETTINGS,
  };
}

/** Errors of statements go to whoever sent them and not to the file: their texts quote what people wrote, and a loop of them would fill the disk. */
const LOG_SETTINGS = {
  logging_collector: "off",
  log_destination: "stderr",
  log_timezone: "UTC",
  log_line_prefix: "%m [%p] ",
  log_checkpoints: "off",
  log_min_messages: "log", // log, fatal and panic
  log_min_error_statement: "panic",
  log_error_verbosity: "terse",
};
