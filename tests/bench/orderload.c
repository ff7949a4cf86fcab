/* orderload: closed-loop MLLP load of related orders, for Linux.
 *
 * A folder of templates (*.hl7, one segment per line) is one conversation about one
 * order: every connection sends the files in the order of their names, waits for each
 * answer, and goes on to the next order. So a change meets an order that exists.
 *
 *   orderload --messages DIR [--host 127.0.0.1] [--port 2575] [--conns 8]
 *             [--duration 5] [--warmup 1] [--orders N] [--rate R] [--timeout 10]
 *             [--trace FILE]
 *
 * --orders N  send exactly N orders instead of running for a time.
 * --rate R    pace R messages/s over all connections; latency then counts from the
 *             moment a message was due, so a stalled server cannot hide its stall.
 * --trace F   one line per answer: order step due_ns answer_ns code (CLOCK_MONOTONIC).
 *
 * Placeholders: {CTRL} a new MSH-10 (20 characters), {TS} now (19), {ORD} the order (14),
 * {PID} its patient (10). An answer counts if it is one frame whose MSA-2 is the MSH-10
 * in flight and whose MSA-1 is AA or CA; all else is an error, and the exit status 1.
 * One JSON object goes to standard output; latencies are microseconds.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { VT = 0x0b, FS = 0x1c, CR = 0x0d, NS = 1000000000 };
enum { MOST_STEPS = 16, MOST_MARKS = 64, LARGEST = 65536, SECONDS_KEPT = 7200 };
enum { CTRL, TS, ORD, PID, KINDS };
static const struct { const char *text; int width; } PLACEHOLDERS[KINDS] = {
  {"{CTRL}", 20}, {"{TS}", 19}, {"{ORD}", 14}, {"{PID}", 10}};

typedef struct { char *text; int size, marks; struct { int at, kind; } mark[MOST_MARKS]; } Step;
typedef struct {
  int fd, open, step, waiting, wants_write, out_size, out_done, in_size;
  uint64_t order, message, due;
  char *out, in[LARGEST];
} Conn;
typedef struct { uint64_t order, due, answered; int step; char code[4]; } Answer;

static Step steps[MOST_STEPS];
static int step_count, conn_count, poll_fd, timer_fd, finished;
static Conn *conns;
static uint64_t first_patient; /* no other run has its patients: it begins 2,000 a second later */
static char run_id[8], stamp[32], first_error[200];
static uint64_t next_order, next_message, most_orders, started, warm_at, stop_at, timeout_ns;
static double rate;
static Answer *trace; static size_t traced, trace_room;
static uint32_t *latency; static size_t measured, latency_room;
static uint32_t per_second[SECONDS_KEPT];
static uint64_t sent, answered, positive[2], by_step[MOST_STEPS];
static uint64_t bad_frame, bad_control_id, negative, timed_out, broken, unexpected;

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * NS + (uint64_t)t.tv_nsec;
}

static void die(const char *format, ...) {
  va_list args;
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  fputc('\n', stderr);
  exit(2);
}

static void *grown(void *old, size_t size) {
  void *new = realloc(old, size);
  if (!new) die("out of memory");
  return new;
}

static void fault(uint64_t *counter, const char *what) {
  ++*counter;
  if (!first_error[0]) snprintf(first_error, sizeof first_error, "%s", what);
}

/* ---- templates ---- */

static int placeholder_at(const char *text) {
  for (int kind = 0; kind < KINDS; kind++)
    if (!strncmp(text, PLACEHOLDERS[kind].text, strlen(PLACEHOLDERS[kind].text))) return kind;
  return -1;
}

static void read_step(const char *path) {
  static char raw[LARGEST];
  FILE *file = fopen(path, "rb");
  if (!file) die("cannot read %s", path);
  size_t size = fread(raw, 1, sizeof raw - 1, file);
  fclose(file);
  raw[size] = 0;
  if (step_count == MOST_STEPS) die("more than %d templates", MOST_STEPS);
  Step *step = &steps[step_count++];
  step->text = grown(NULL, size + (size_t)MOST_MARKS * 20 + 3);
  step->text[step->size++] = VT;
  for (const char *at = raw; *at;) {
    int kind = placeholder_at(at);
    if (kind < 0) {
      step->text[step->size++] = *at == '\n' ? CR : *at;
      at++;
      continue;
    }
    if (step->marks == MOST_MARKS) die("%s: more than %d placeholders", path, MOST_MARKS);
    step->mark[step->marks].at = step->size;
    step->mark[step->marks++].kind = kind;
    step->size += PLACEHOLDERS[kind].width;
    at += strlen(PLACEHOLDERS[kind].text);
  }
  step->text[step->size++] = FS;
  step->text[step->size++] = CR;
}

static void read_steps(const char *folder) {
  struct dirent **names;
  int count = scandir(folder, &names, NULL, alphasort);
  if (count < 0) die("cannot list %s", folder);
  for (int i = 0; i < count; i++) {
    const char *dot = strrchr(names[i]->d_name, '.');
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
    if (dot && !strcmp(dot, ".hl7")) read_step(path);
    free(names[i]);
  }
  free(names);
  if (!step_count) die("no *.hl7 in %s", folder);
}

static void control_id(uint64_t message, char *to) {
  char text[64];
  snprintf(text, sizeof text, "PLD%.5s%012llu", run_id, (unsigned long long)message % 1000000000000ull);
  memcpy(to, text, 20);
}

static void order_number(uint64_t order, char *to) {
  char text[64];
  snprintf(text, sizeof text, "B%.5s%08llu", run_id, (unsigned long long)order % 100000000ull);
  memcpy(to, text, 14);
}

static void fill_in(const Step *step, const Conn *conn, char *to) {
  char patient[32];
  memcpy(to, step->text, (size_t)step->size);
  for (int i = 0; i < step->marks; i++) {
    char *at = to + step->mark[i].at;
    switch (step->mark[i].kind) {
      case CTRL: control_id(conn->message, at); break;
      case TS: memcpy(at, stamp, 19); break;
      case ORD: order_number(conn->order, at); break;
      case PID:
        snprintf(patient, sizeof patient, "%010llu",
                 (unsigned long long)((first_patient + conn->order) % 10000000000ull));
        memcpy(at, patient, 10);
        break;
    }
  }
}

/* ---- connections ---- */

static void watch(Conn *conn, int write) {
  struct epoll_event event = {.events = EPOLLIN | (write ? EPOLLOUT : 0), .data.ptr = conn};
  if (conn->wants_write != write) epoll_ctl(poll_fd, EPOLL_CTL_MOD, conn->fd, &event);
  conn->wants_write = write;
}

static void give_up(Conn *conn, uint64_t *counter, const char *why) {
  fault(counter, why);
  close(conn->fd);
  conn->open = conn->waiting = 0;
}

static void write_out(Conn *conn) {
  while (conn->out_done < conn->out_size) {
    ssize_t n = write(conn->fd, conn->out + conn->out_done, (size_t)(conn->out_size - conn->out_done));
    if (n > 0) conn->out_done += (int)n;
    else if (errno == EAGAIN) { watch(conn, 1); return; }
    else { give_up(conn, &broken, "connection broken while writing"); return; }
  }
  watch(conn, 0);
}

static int time_is_up(uint64_t now) { return !most_orders && now >= stop_at; }

static void send_next(Conn *conn, uint64_t now) {
  if (!conn->open || conn->waiting || (rate > 0 && conn->due > now)) return;
  if (time_is_up(now)) { finished = 1; return; }
  if (conn->step == 0) {
    if (most_orders && next_order == most_orders) { close(conn->fd); conn->open = 0; return; }
    conn->order = next_order++;
  }
  conn->message = next_message++;
  const Step *step = &steps[conn->step];
  fill_in(step, conn, conn->out);
  conn->out_size = step->size;
  conn->out_done = 0;
  conn->waiting = 1;
  if (rate <= 0) conn->due = now;
  sent++;
  write_out(conn);
}

static void note_answer(Conn *conn, const char *code, uint64_t now) {
  answered++;
  by_step[conn->step]++;
  uint64_t second = (now - started) / NS;
  if (second < SECONDS_KEPT) per_second[second]++;
  if (traced == trace_room) trace = grown(trace, sizeof *trace * (trace_room = trace_room * 2 + 4096));
  Answer *answer = &trace[traced++];
  *answer = (Answer){conn->order, conn->due, now, conn->step, {0}};
  memcpy(answer->code, code, 2);
  if (conn->due < warm_at || (!most_orders && now > stop_at)) return;
  if (measured == latency_room) latency = grown(latency, sizeof *latency * (latency_room = latency_room * 2 + 65536));
  uint64_t tenths = (now - conn->due) / 100;
  latency[measured++] = tenths > UINT32_MAX ? UINT32_MAX : (uint32_t)tenths;
}

static const char *field(const char *from, const char *end, char separator) {
  while (from < end && *from != separator && *from != CR) from++;
  return from;
}

static void judge(Conn *conn, const char *text, const char *end) {
  uint64_t now = now_ns();
  const char *msa = memmem(text, (size_t)(end - text), "\rMSA", 4);
  char wanted[20];
  control_id(conn->message, wanted);
  if (end - text < 9 || memcmp(text, "MSH", 3) || !msa || end - msa < 8) {
    fault(&bad_frame, "an answer without MSH or MSA");
    note_answer(conn, "--", now);
  } else {
    char separator = text[3];
    const char *code = msa + 5, *code_end = field(code, end, separator);
    const char *id = code_end < end ? code_end + 1 : end, *id_end = field(id, end, separator);
    if (code_end - code != 2) code = "--";
    if (id_end - id != 20 || memcmp(id, wanted, 20)) fault(&bad_control_id, "MSA-2 is not the MSH-10 sent");
    else if (!memcmp(code, "AA", 2)) positive[0]++;
    else if (!memcmp(code, "CA", 2)) positive[1]++;
    else {
      char why[64];
      snprintf(why, sizeof why, "answer %.2s to step %d", code, conn->step + 1);
      fault(&negative, why);
    }
    note_answer(conn, code, now);
  }
  conn->waiting = 0;
  conn->step = (conn->step + 1) % step_count;
  if (rate > 0) conn->due += (uint64_t)((double)NS * conn_count / rate);
}

static void take_frames(Conn *conn) {
  while (conn->open && conn->in_size) {
    if (conn->in[0] != VT) { give_up(conn, &bad_frame, "bytes outside a frame"); return; }
    char *end = memchr(conn->in, FS, (size_t)conn->in_size);
    if (!end || end + 1 == conn->in + conn->in_size) {
      if (conn->in_size == LARGEST) give_up(conn, &bad_frame, "an answer of 64 KiB or more");
      return;
    }
    if (end[1] != CR) { give_up(conn, &bad_frame, "FS without CR"); return; }
    if (!conn->waiting) { give_up(conn, &unexpected, "an answer nobody waits for"); return; }
    judge(conn, conn->in + 1, end);
    conn->in_size -= (int)(end + 2 - conn->in);
    memmove(conn->in, end + 2, (size_t)conn->in_size);
  }
}

static void read_in(Conn *conn) {
  ssize_t n = read(conn->fd, conn->in + conn->in_size, (size_t)(LARGEST - conn->in_size));
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) { give_up(conn, &broken, "connection closed by the server"); return; }
  conn->in_size += (int)n;
  take_frames(conn);
}

static void open_connections(const char *host, int port) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  if (inet_pton(AF_INET, host, &to.sin_addr) != 1) die("--host must be an IPv4 address");
  int largest = 0;
  for (int i = 0; i < step_count; i++) largest = steps[i].size > largest ? steps[i].size : largest;
  conns = calloc((size_t)conn_count, sizeof *conns);
  if (!conns) die("out of memory");
  for (int i = 0; i < conn_count; i++) {
    Conn *conn = &conns[i];
    int on = 1;
    conn->out = grown(NULL, (size_t)largest);
    conn->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(conn->fd, (struct sockaddr *)&to, sizeof to)) die("cannot connect to %s:%d: %s", host, port, strerror(errno));
    fcntl(conn->fd, F_SETFL, O_NONBLOCK);
    setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    conn->open = 1;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, conn->fd, &event);
  }
}

/* ---- the loop ---- */

static void wake_at(uint64_t when) { /* and every 100 ms after it, to look for time-outs */
  struct itimerspec at = {{0, NS / 10}, {(time_t)(when / NS), (long)(when % NS)}};
  timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

static void stamp_time(void) {
  static time_t last;
  time_t now = time(NULL);
  if (now == last) return;
  struct tm utc;
  last = now;
  gmtime_r(&now, &utc);
  strftime(stamp, sizeof stamp, "%Y%m%d%H%M%S+0000", &utc);
}

/* Sends what is due; returns whether anything is still to come. */
static int turn(void) {
  uint64_t now = now_ns(), wake = now + NS / 10;
  int alive = 0;
  stamp_time();
  for (int i = 0; i < conn_count; i++) {
    Conn *conn = &conns[i];
    if (conn->open && conn->waiting && now > conn->due + timeout_ns) give_up(conn, &timed_out, "no answer in time");
    send_next(conn, now);
    alive |= conn->open && (conn->waiting || !finished);
    if (rate > 0 && conn->open && !conn->waiting && conn->due < wake) wake = conn->due;
  }
  if (rate > 0) wake_at(wake);
  return alive;
}

static void run(void) {
  struct epoll_event events[256];
  wake_at(started + NS / 10);
  while (turn()) {
    int count = epoll_wait(poll_fd, events, 256, -1);
    for (int i = 0; i < count; i++) {
      Conn *conn = events[i].data.ptr;
      if (!conn) { uint64_t ticks; if (read(timer_fd, &ticks, sizeof ticks) < 0) continue; }
      else if (conn->open && events[i].events & EPOLLOUT) write_out(conn);
      if (conn && conn->open && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) read_in(conn);
      if (conn) { stamp_time(); send_next(conn, now_ns()); }
    }
  }
}

/* ---- the report ---- */

static int by_size(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

static double percentile(double share) { /* nearest rank */
  size_t rank = (size_t)ceil(share * (double)measured);
  return measured ? latency[rank ? rank - 1 : 0] / 10.0 : 0;
}

static void write_trace(const char *path) {
  FILE *file = fopen(path, "w");
  if (!file) die("cannot write %s", path);
  for (size_t i = 0; i < traced; i++) {
    char number[15] = {0};
    order_number(trace[i].order, number);
    fprintf(file, "%s %d %llu %llu %s\n", number, trace[i].step + 1, (unsigned long long)trace[i].due,
            (unsigned long long)trace[i].answered, trace[i].code);
  }
  fclose(file);
}

static double cpu_seconds(void) {
  struct rusage use;
  getrusage(RUSAGE_SELF, &use);
  return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) + (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

static uint64_t report(double duration) {
  uint64_t errors = bad_frame + bad_control_id + negative + timed_out + broken + unexpected;
  double wall = (double)(now_ns() - started) / NS, sum = 0, bytes = 0;
  int last = (int)wall;
  qsort(latency, measured, sizeof *latency, by_size);
  for (size_t i = 0; i < measured; i++) sum += latency[i] / 10.0;
  for (int i = 0; i < step_count; i++) bytes += steps[i].size - 3;
  printf("{\"run\":\"%s\",\"conns\":%d,\"rate_target\":%.1f,\"duration_s\":%.3f,\"wall_s\":%.3f,\"mean_message_bytes\":%.0f,",
         run_id, conn_count, rate, most_orders ? wall : duration, wall, bytes / step_count);
  printf("\"acks_per_s\":%.1f,\"orders\":%llu,\"sent\":%llu,\"acked\":%llu,\"acked_measured\":%zu,", (double)measured / (most_orders ? wall : duration),
         (unsigned long long)next_order, (unsigned long long)sent, (unsigned long long)answered, measured);
  printf("\"codes\":{\"AA\":%llu,\"CA\":%llu,\"negative\":%llu},\"errors\":%llu,", (unsigned long long)positive[0],
         (unsigned long long)positive[1], (unsigned long long)negative, (unsigned long long)errors);
  printf("\"error_kinds\":{\"bad_frame\":%llu,\"control_id_mismatch\":%llu,\"negative\":%llu,\"timeout\":%llu,\"connection\":%llu,\"unexpected_answer\":%llu},\"first_error\":\"%s\",",
         (unsigned long long)bad_frame, (unsigned long long)bad_control_id, (unsigned long long)negative, (unsigned long long)timed_out,
         (unsigned long long)broken, (unsigned long long)unexpected, first_error);
  printf("\"latency_us\":{\"mean\":%.1f,\"min\":%.1f,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f},", measured ? sum / (double)measured : 0,
         percentile(0), percentile(.5), percentile(.9), percentile(.99), percentile(.999), percentile(1));
  printf("\"acked_by_step\":[");
  for (int i = 0; i < step_count; i++) printf("%s%llu", i ? "," : "", (unsigned long long)by_step[i]);
  printf("],\"acks_each_second\":[");
  for (int i = 0; i <= last && i < SECONDS_KEPT; i++) printf("%s%u", i ? "," : "", per_second[i]);
  printf("],\"generator_cpu_share\":%.3f}\n", cpu_seconds() / wall);
  return errors;
}

static const char *option(int argc, char **argv, const char *name, const char *otherwise) {
  for (int i = 1; i + 1 < argc; i += 2)
    if (!strcmp(argv[i], name)) return argv[i + 1];
  return otherwise;
}

static void check_options(int argc, char **argv) {
  static const char *known = " --host --port --conns --duration --warmup --orders --rate --timeout --messages --trace ";
  for (int i = 1; i < argc; i += 2) {
    char padded[64];
    snprintf(padded, sizeof padded, " %s ", argv[i]);
    if (!strstr(known, padded)) die("unknown option %s", argv[i]);
    if (i + 1 == argc) die("%s needs a value", argv[i]);
  }
}

int main(int argc, char **argv) {
  check_options(argc, argv);
  double duration = atof(option(argc, argv, "--duration", "5")), warm = atof(option(argc, argv, "--warmup", "1"));
  conn_count = atoi(option(argc, argv, "--conns", "8"));
  most_orders = strtoull(option(argc, argv, "--orders", "0"), NULL, 10);
  rate = atof(option(argc, argv, "--rate", "0"));
  timeout_ns = (uint64_t)(atof(option(argc, argv, "--timeout", "10")) * NS);
  const char *trace_path = option(argc, argv, "--trace", NULL);
  if (conn_count < 1) die("--conns must be 1 or more");
  read_steps(option(argc, argv, "--messages", "messages"));
  signal(SIGPIPE, SIG_IGN);
  first_patient = (uint64_t)time(NULL) * 2000;
  snprintf(run_id, sizeof run_id, "%05x", (unsigned)(((now_ns() ^ (uint64_t)getpid() << 32) * 0x9E3779B97F4A7C15ull) >> 44) & 0xfffff);
  poll_fd = epoll_create1(0);
  timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  struct epoll_event tick = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(poll_fd, EPOLL_CTL_ADD, timer_fd, &tick);
  open_connections(option(argc, argv, "--host", "127.0.0.1"), atoi(option(argc, argv, "--port", "2575")));
  started = now_ns();
  warm_at = started + (most_orders ? 0 : (uint64_t)(warm * NS));
  stop_at = warm_at + (uint64_t)(duration * NS);
  for (int i = 0; i < conn_count; i++)
    conns[i].due = started + (rate > 0 ? (uint64_t)((double)NS * i / rate) : 0);
  run();
  if (trace_path) write_trace(trace_path);
  return report(duration) ? 1 : 0;
}
