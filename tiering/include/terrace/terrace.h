// SPDX-License-Identifier: Apache-2.0
// Terrace for C: an inference server says what its memory is for and gets it in the right tier.
//
//   terrace_context machine;                      // 0: all defaults, tiers are discovered
//   terrace_tensor weights;
//   void* at;
//   terrace_tensor_options options = {.struct_size = sizeof options, .bytes = size,
//                                     .kind = TERRACE_WEIGHT, .name = "blk.7.attn_q", .layer = 7};
//   if (terrace_open(NULL, &machine) != TERRACE_OK ||
//       terrace_allocate(machine, &options, &weights, &at) != TERRACE_OK)
//     fprintf(stderr, "%s\n", terrace_last_error());
//
// Rules that hold for all of it:
// - Functions return a status (TERRACE_OK is 0). terrace_last_error() tells in words what the
//   calling thread's last failed call ran into and what to do. Nothing throws, nothing aborts.
// - A failed call has changed nothing and leaves what it would have written as it was, unless it
//   says otherwise.
// - Handles are numbers, copied freely. One that has ended, or of another kind, is
//   TERRACE_BAD_HANDLE and nothing else happens; so a double free is an error and not a crash.
// - Structs begin with their size, which the caller sets: programs and libraries of different
//   versions understand each other. Fields that are zero mean the default.
// - Functions may be called by any thread at any time unless they say otherwise. A call that works
//   on a tensor while another thread frees it gets either the tensor or TERRACE_BAD_HANDLE.
// - Names are copied. Sizes are bytes, tiers are numbered from 0, the fastest.
// - A fork's child has none of its parent's contexts: every call there is TERRACE_BAD_HANDLE. Its
//   copy of the memory is its own where that was private; on devices, files and emulated links it
//   is shared with the parent.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <terrace/export.h>

#ifdef __cplusplus
extern "C" {
#endif

// Status ----------------------------------------------------------------------------------------

/// How a call ended. Anything but TERRACE_OK: terrace_last_error() has the reason.
typedef int32_t terrace_status;
enum {
  TERRACE_OK = 0,
  TERRACE_BAD_ARGUMENT = 1,  ///< null, out of range, unknown name
  TERRACE_BAD_HANDLE = 2,    ///< never made, ended, or of another kind
  TERRACE_BAD_STRUCT = 3,    ///< struct_size is none that this library knows
  TERRACE_NO_ROOM = 4,       ///< the tiers that may be used are full
  TERRACE_NO_MEMORY = 5,     ///< the process or the system is out of memory, mappings or records
  TERRACE_IO = 6,            ///< a file or a system call failed
  TERRACE_UNSUPPORTED = 7,   ///< the machine, the kernel or the user's rights lack something
  TERRACE_BUSY = 8,          ///< pinned, in use, or not possible from where it was called
  TERRACE_CANCELLED = 9,     ///< the job was, before it had moved everything
  TERRACE_TIMED_OUT = 10,    ///< it goes on
  TERRACE_CORRUPT = 11,      ///< a checksum is not the one that was expected
  TERRACE_INTERNAL = 12,     ///< a fault of the library
  TERRACE_LIMIT = 13         ///< a limit that the program itself has set
};

/// A few words for a status, "unknown status" for another number. Never NULL.
TERRACE_API const char* terrace_status_text(terrace_status status);
/// What the calling thread's last failed call ran into, with what to do. Never NULL; valid until
/// the thread's next failed call.
TERRACE_API const char* terrace_last_error(void);
/// The library's version, 10000 x major + 100 x minor + patch.
TERRACE_API uint32_t terrace_version(void);

// Context and tiers -----------------------------------------------------------------------------

/// The tiers of this machine and what this process has in them. Mostly one for a process.
typedef struct terrace_context {
  uint64_t id;
} terrace_context;
typedef struct terrace_tensor {
  uint64_t id;
} terrace_tensor;
typedef struct terrace_job {
  uint64_t id;
} terrace_job;
typedef struct terrace_pool {
  uint64_t id;
} terrace_pool;

/// What a tensor is for.
typedef int32_t terrace_class;
enum {
  TERRACE_WEIGHT = 0,      ///< read whole in each step
  TERRACE_EXPERT = 1,      ///< read in the steps that are routed to it
  TERRACE_KV = 2,          ///< keys and values of sequences
  TERRACE_ACTIVATION = 3,  ///< written and read at once
  TERRACE_SCRATCH = 4,     ///< whatever else
  TERRACE_CLASS_COUNT = 5
};

#define TERRACE_MAX_TIERS 16

/// Bits of terrace_options.flags.
enum {
  /// Memory errors (SIGBUS) in tensors are mended and told, see TERRACE_EVENT_LOSS. Takes the
  /// signal: errors elsewhere go to the action that the program had when the context was opened. A
  /// program that sets one later takes it back, until a context is opened so again. Pools and
  /// adopted memory are not watched: there the program gets the signal, as without this.
  TERRACE_OPEN_WATCH_ERRORS = 1
};

/// What terrace_open() takes; with struct_size alone set, all as discovery finds it.
typedef struct terrace_options {
  uint32_t struct_size;
  uint32_t move_threads;           ///< of migrations; 0: 2
  const char* tiers_file;          ///< tier file (TOML); NULL: what discovery finds alone
  const char* calibration_file;    ///< of `terrace calibrate`; NULL: none
  uint64_t move_bytes_per_second;  ///< limit of all node-to-node migrations; 0: none
  /// Tier of a class's tensors that wish for none; NULL: the fastest that has room.
  const char* class_tier[TERRACE_CLASS_COUNT];
  uint32_t flags;  ///< TERRACE_OPEN_...
  uint32_t reserved;
  /// A session of what the context is told is written to this file, in which %p is the process id:
  /// tensors with name, class and place, what terrace_touch() says, and terrace_step(). For
  /// `terrace report` and `terrace plan`. Closed by terrace_close(). NULL: none.
  const char* session_file;
} terrace_options;

/// Discovers the tiers. `options` may be NULL. Errors: TERRACE_BAD_ARGUMENT with file, line and
/// remedy for a bad tier file, and when another context of the process writes a session; TERRACE_IO
/// when that cannot be read or the session not be written; TERRACE_UNSUPPORTED when there is no
/// tier or no address space. Takes milliseconds. Keeps address space of eight times the machine's
/// memory, and no memory.
TERRACE_API terrace_status terrace_open(const terrace_options* options, terrace_context* context);
/// Cancels the jobs and frees every tensor and pool: their memory is gone when this returns, or,
/// for a call that is in the context just then, when that call returns. TERRACE_BUSY from an event
/// handler.
TERRACE_API terrace_status terrace_close(terrace_context context);

/// What memory a tier is of.
typedef int32_t terrace_tier_kind;
enum {
  TERRACE_TIER_UNKNOWN = 0,
  TERRACE_TIER_HBM = 1,
  TERRACE_TIER_DRAM = 2,
  TERRACE_TIER_CXL = 3,
  TERRACE_TIER_PMEM = 4,
  TERRACE_TIER_FILE = 5
};

/// A tier as it is now.
typedef struct terrace_tier_info {
  uint32_t struct_size;
  terrace_tier_kind kind;
  char name[64];
  uint32_t emulated;        ///< 1: no such memory is there, a slow link is imitated
  uint32_t node_count;      ///< NUMA nodes; 0 for devices and files
  uint64_t capacity_bytes;  ///< that the context may use
  uint64_t used_bytes;      ///< by this context's tensors, in whole blocks of 2 MiB
  /// That a tensor could get now: what the context has left there, no more than the nodes have free
  /// (with file cache that the kernel can drop at once) and than the control group allows.
  uint64_t free_bytes;
  /// Free pages of the nodes' reserves of huge pages (hugetlb): memory that is neither free nor
  /// used to the kernel, and so not in free_bytes.
  uint64_t huge_free_bytes;
  double read_gbps;     ///< 1e9 bytes a second; 0: nobody knows it
  uint64_t latency_ns;  ///< idle; 0: nobody knows it
} terrace_tier_info;

/// How many tiers the context has: their numbers are below that. Never changes.
TERRACE_API terrace_status terrace_tier_count(terrace_context context, uint32_t* count);
/// Reads the kernel's figures and which of the context's blocks have pages: for a status, not for
/// each request.
TERRACE_API terrace_status terrace_get_tier(terrace_context context, uint32_t tier,
                                            terrace_tier_info* info);
/// TERRACE_BAD_ARGUMENT with the names that there are.
TERRACE_API terrace_status terrace_find_tier(terrace_context context, const char* name,
                                             uint32_t* tier);

// Tensors ---------------------------------------------------------------------------------------

/// Of what size a tensor's pages are.
typedef int32_t terrace_pages;
enum {
  TERRACE_PAGES_HUGE = 0,  ///< transparent huge pages where the kernel has them
  TERRACE_PAGES_SMALL = 1  ///< 4 KiB: for tensors that are touched here and there
};

/// Bits of terrace_tensor_options.flags.
enum {
  TERRACE_TENSOR_STRICT = 1  ///< all of it where it is wished for, or TERRACE_NO_ROOM
};

/// What a tensor is, and where it should be.
typedef struct terrace_tensor_options {
  uint32_t struct_size;
  terrace_class kind;
  uint64_t bytes;      ///< not 0. Tensors take whole blocks of 2 MiB: pools are for small things
  uint64_t alignment;  ///< a power of two up to 1 GiB; 2 MiB at least is given
  const char* name;    ///< NULL: none; 127 bytes are kept
  int32_t layer;
  terrace_pages pages;  ///< on tiers of NUMA nodes
  const char* tier;     ///< wish; NULL: the class's, or `shares`
  /// Parts on tiers 0, 1, ...: spread block by block, so that a scan reads all tiers at once. Any
  /// non-negative numbers with a sum above 0. NULL: not spread.
  const double* shares;
  uint32_t share_count;
  uint32_t flags;  ///< TERRACE_TENSOR_...
} terrace_tensor_options;

/// Zeroed memory, at least 2 MiB-aligned. What finds no room on its tier goes to the next slower
/// one that has any, then to a faster one, unless strict. `address` may be NULL. TERRACE_NO_ROOM:
/// the tiers have not so many blocks left; TERRACE_NO_MEMORY: the kernel refused.
TERRACE_API terrace_status terrace_allocate(terrace_context context,
                                            const terrace_tensor_options* options,
                                            terrace_tensor* tensor, void** address);
/// Memory of the caller's own as a tensor: whole pages that are mapped and stay so until
/// terrace_free(), which lets go of it and leaves it mapped. It can be asked about, hinted, pinned
/// and migrated between tiers of NUMA nodes, and is not in a tier's used_bytes. Of the options
/// kind, name and layer count. TERRACE_BUSY: part of it is a tensor already.
TERRACE_API terrace_status terrace_adopt(terrace_context context, void* address,
                                         const terrace_tensor_options* options,
                                         terrace_tensor* tensor);
/// Keeps the content up to the smaller size; what is new is zero. A growing tensor may move: nobody
/// may read or write it meanwhile. New blocks go where the tensor's options said. On devices and
/// files there must be room for the old and the new size at once. TERRACE_BUSY: it is pinned.
/// TERRACE_UNSUPPORTED: adopted. `address` may be NULL.
TERRACE_API terrace_status terrace_resize(terrace_tensor tensor, uint64_t bytes, void** address);
/// Cancels the tensor's jobs, waits for the piece that is being moved and gives the memory back.
/// TERRACE_BUSY: pinned.
TERRACE_API terrace_status terrace_free(terrace_tensor tensor);
/// The tensor whose memory holds `address`.
TERRACE_API terrace_status terrace_tensor_at(terrace_context context, const void* address,
                                             terrace_tensor* tensor);

/// A tensor as it is now, and what was told of it.
typedef struct terrace_tensor_info {
  uint32_t struct_size;
  terrace_class kind;
  void* address;
  uint64_t bytes;
  char name[128];
  int32_t layer;
  uint32_t pins;
  uint32_t adopted;  ///< 1: the memory is the caller's
  uint32_t moving;   ///< 1: a job is at work on it
  /// Where its blocks are, in bytes of whole blocks; of adopted memory what the kernel tells.
  uint64_t tier_bytes[TERRACE_MAX_TIERS];
  uint64_t other_bytes;  ///< on no tier: nodes that none has, or pages never touched (adopted)
  uint64_t read_bytes;   ///< told by terrace_touch()
  uint64_t written_bytes;
  uint64_t moved_bytes;    ///< by jobs, and to make room for others
  uint64_t next_use_step;  ///< told by terrace_next_use(); UINT64_MAX: unknown
  uint32_t next_use_phase;
  uint32_t reserved;
} terrace_tensor_info;

/// What the context knows of it at this moment. Of adopted memory the kernel is asked where its
/// pages are, which takes longer the more there are.
TERRACE_API terrace_status terrace_get_tensor(terrace_tensor tensor, terrace_tensor_info* info);

/// Where the kernel says that the tensor's pages are, from up to `samples` pages, one a block at
/// most (0: 4096): `tiers` has TERRACE_MAX_TIERS entries and gets the samples found on each tier's
/// nodes, `absent` those without a page yet or on another node. Blocks on devices, files and
/// emulated links are counted for their tier. Microseconds for each sample.
TERRACE_API terrace_status terrace_look(terrace_tensor tensor, uint32_t samples, uint32_t* tiers,
                                        uint32_t* absent);

// Loading ---------------------------------------------------------------------------------------

/// Bits of terrace_load_options.flags.
enum {
  TERRACE_LOAD_CHECKSUM = 1,  ///< work out the CRC-32 (IEEE 802.3, as zlib and gzip have it)
  TERRACE_LOAD_VERIFY = 2,    ///< and compare it with `crc32`
  /// The checksum is CRC-32C (Castagnoli, as iSCSI and ext4 have it): with SSE 4.2 it costs
  /// a fraction of the other.
  TERRACE_LOAD_CRC32C = 4,
  /// Nobody writes to these bytes, and the file stays as it is: what a memory error takes of them
  /// is read again from it, with TERRACE_OPEN_WATCH_ERRORS. The file is kept open. Until the bytes
  /// are loaded anew or the tensor is freed.
  TERRACE_LOAD_RESTORABLE = 8
};

/// Which bytes of a file go where in a tensor.
typedef struct terrace_load_options {
  uint32_t struct_size;
  uint32_t flags;  ///< TERRACE_LOAD_...
  const char* path;
  uint64_t file_offset;    ///< of the first byte; any number
  uint64_t bytes;          ///< 0: what the tensor has from tensor_offset on
  uint64_t tensor_offset;  ///< any number
  uint32_t threads;        ///< 0: 4; 16 at most
  uint32_t crc32;          ///< for TERRACE_LOAD_VERIFY; the CRC-32C with TERRACE_LOAD_CRC32C
} terrace_load_options;

/// By which ways a load's bytes came, and their checksum.
typedef struct terrace_load_report {
  uint32_t struct_size;
  uint32_t crc32;  ///< with TERRACE_LOAD_CHECKSUM or TERRACE_LOAD_VERIFY; of the kind asked for
  uint64_t cached_bytes;    ///< that came from the page cache, in whole pages
  uint64_t direct_bytes;    ///< past it, straight from storage
  uint64_t buffered_bytes;  ///< through it, and dropped from it
} terrace_load_report;

/// Reads a file's bytes into the tensor's memory, by several threads, from the page cache what it
/// has and past it what it has not. `report` may be NULL. The tensor is neither moved nor freed
/// meanwhile (terrace_free() waits). TERRACE_CORRUPT: the checksum differs; the bytes are there.
/// TERRACE_IO: the file cannot be read or ends too early; then the range holds part of it.
TERRACE_API terrace_status terrace_load(terrace_tensor tensor, const terrace_load_options* options,
                                        terrace_load_report* report);

// Hints -----------------------------------------------------------------------------------------

/// A step begins (a decoded token of a batch, usually): the context's step counter goes up by one
/// and its phase becomes 0.
TERRACE_API terrace_status terrace_step(terrace_context context);
/// The step has come to this phase (a layer, usually).
TERRACE_API terrace_status terrace_phase(terrace_context context, uint32_t phase);
/// The tensor will be used in `steps_ahead` steps from now (0: this one), in this phase. Room is
/// made at the cost of what is used last; what was never told counts as used after all that was.
TERRACE_API terrace_status terrace_next_use(terrace_tensor tensor, uint64_t steps_ahead,
                                            uint32_t phase);
/// The tensor was read and written so much. Shared out over its tiers, this makes the figures of
/// terrace_get_traffic(). Measured 55 to 70 ns on one thread. With a session_file 20 to 60 ns
/// more.
TERRACE_API terrace_status terrace_touch(terrace_tensor tensor, uint64_t read_bytes,
                                         uint64_t written_bytes);

/// What the context has counted since it was opened, by tier where it has an index.
typedef struct terrace_traffic {
  uint32_t struct_size;
  uint32_t phase;
  uint64_t step;
  uint64_t read_bytes[TERRACE_MAX_TIERS];  ///< told by terrace_touch(), by where it was then
  uint64_t written_bytes[TERRACE_MAX_TIERS];
  uint64_t moved_in_bytes[TERRACE_MAX_TIERS];
  uint64_t moved_out_bytes[TERRACE_MAX_TIERS];
  uint64_t spilled_bytes;   ///< allocated elsewhere than wished
  uint64_t evicted_bytes;   ///< moved to make room
  uint64_t dropped_events;  ///< that no handler took in time
  uint64_t lost_bytes;      ///< by memory errors, zero since; see TERRACE_EVENT_LOSS
  uint64_t restored_bytes;  ///< after memory errors, from their files
} terrace_traffic;

/// Since the context was opened.
TERRACE_API terrace_status terrace_get_traffic(terrace_context context, terrace_traffic* traffic);

// Moving ----------------------------------------------------------------------------------------

/// The tensor stays where it is, in address and place, from when this returns until as many
/// unpins: for DMA, or because it is known best. Waits for the piece that is being moved; a job
/// that is at work ends there.
TERRACE_API terrace_status terrace_pin(terrace_tensor tensor);
/// TERRACE_BAD_ARGUMENT when it is not pinned.
TERRACE_API terrace_status terrace_unpin(terrace_tensor tensor);

/// Bits of terrace_move_options.flags.
enum {
  /// Where the tier is full, move others from it to the next slower one: those that are used
  /// later than this one, the latest first, and no pinned ones.
  TERRACE_MOVE_MAKE_ROOM = 1
};

/// Which part of a tensor goes where, and how urgently.
typedef struct terrace_move_options {
  uint32_t struct_size;
  uint32_t flags;    ///< TERRACE_MOVE_...
  const char* tier;  ///< where to
  int32_t priority;  ///< higher ones first; a running job gives way between its pieces
  uint32_t reserved;
  uint64_t offset;  ///< part of the tensor, widened to whole blocks
  uint64_t bytes;   ///< 0: from `offset` to its end
} terrace_move_options;

/// Begins to move the tensor's memory. Its address stays and it may be read and written meanwhile.
/// Returns at once. The job's handle is ended by terrace_job_end(). TERRACE_BUSY: pinned.
/// TERRACE_UNSUPPORTED: adopted memory goes to tiers of NUMA nodes only, and to and from devices,
/// files and emulated links memory moves only where userfaultfd is permitted.
TERRACE_API terrace_status terrace_migrate(terrace_tensor tensor,
                                           const terrace_move_options* options, terrace_job* job);
/// terrace_migrate() of the whole tensor to the fastest tier, making room.
TERRACE_API terrace_status terrace_prefetch(terrace_tensor tensor, int32_t priority,
                                            terrace_job* job);

/// How far a job is.
typedef int32_t terrace_job_state;
enum { TERRACE_JOB_WAITING = 0, TERRACE_JOB_RUNNING = 1, TERRACE_JOB_ENDED = 2 };

/// A job as it is now.
typedef struct terrace_job_info {
  uint32_t struct_size;
  terrace_job_state state;
  terrace_status result;  ///< when it has ended; not OK: the first reason for what did not move
  uint32_t reserved;
  uint64_t total_bytes;  ///< of the job's range that were not on the tier when it began
  uint64_t moved_bytes;
  uint64_t evicted_bytes;    ///< of other tensors, to make room
  uint64_t longest_hold_ns;  ///< where memory is copied: the longest exchange of one block, which
                             ///< bounds what a thread that touches it waits
  char reason[256];          ///< of `result`, in words
} terrace_job_info;

/// How far it has come, without waiting. A job can be asked until terrace_job_end().
TERRACE_API terrace_status terrace_job_poll(terrace_job job, terrace_job_info* info);
/// Waits until the job has ended and returns its result. TERRACE_TIMED_OUT after `timeout_ns`
/// (UINT64_MAX: never). TERRACE_BUSY from an event handler.
TERRACE_API terrace_status terrace_job_wait(terrace_job job, uint64_t timeout_ns);
/// Nothing more of it begins; what has moved stays there. OK for one that has ended.
TERRACE_API terrace_status terrace_job_cancel(terrace_job job);
/// Forgets the handle; a job that has not ended goes on.
TERRACE_API terrace_status terrace_job_end(terrace_job job);

// Events ----------------------------------------------------------------------------------------

/// What happened without having been asked for.
typedef int32_t terrace_event_kind;
enum {
  TERRACE_EVENT_PRESSURE = 1,  ///< `bytes` wished for on `tier` went to others, or were refused
  TERRACE_EVENT_EVICTION = 2,  ///< `bytes` of `tensor` left `tier` for `to_tier`, to make room
  /// A memory error: `bytes` of `tensor` at `offset` are zero, in healthy memory, to be computed or
  /// loaded again. `tier` is where they were. This is told after the access that ran into the error
  /// has gone on, but terrace_traffic.lost_bytes counts them before: whoever computes with a
  /// tensor's bytes compares that figure before the result is used.
  TERRACE_EVENT_LOSS = 3,
  TERRACE_EVENT_RESTORED = 4  ///< a memory error: as before, but they were read from their file
};

/// One event, of which the kind says what its fields mean.
typedef struct terrace_event {
  uint32_t struct_size;
  terrace_event_kind kind;
  terrace_tensor tensor;  ///< the one that was moved, or that found no room (id 0: refused)
  uint32_t tier;
  uint32_t to_tier;
  uint64_t bytes;
  uint64_t offset;  ///< of TERRACE_EVENT_LOSS and TERRACE_EVENT_RESTORED, in the tensor
  void* address;    ///< of these bytes then
} terrace_event;

/// Called one at a time by a thread of the context's own, with no lock held: it may call Terrace,
/// but neither close the context nor wait for a job. `event` is valid during the call.
typedef void (*terrace_event_handler)(void* user, const terrace_event* event);
/// Replaces the handler; NULL: none. After this returns the old one is not called any more (it is
/// waited for, unless this is called by it).
TERRACE_API terrace_status terrace_set_event_handler(terrace_context context,
                                                     terrace_event_handler handler, void* user);

// Pools -----------------------------------------------------------------------------------------

/// Where a pool's blocks lie, and how much memory it may take.
typedef struct terrace_pool_options {
  uint32_t struct_size;
  terrace_class kind;  ///< of the tensors that the pool takes its pages from
  const char* tier;    ///< as in terrace_tensor_options
  const char* name;
  uint64_t limit_bytes;  ///< 0: none but the tiers'
} terrace_pool_options;

/// Small blocks from the pages of a tier: each thread keeps some, and any may free any. Allocating
/// and freeing a block: measured 100 ns together, one thread.
TERRACE_API terrace_status terrace_pool_open(terrace_context context,
                                             const terrace_pool_options* options,
                                             terrace_pool* pool);
/// Its blocks are gone.
TERRACE_API terrace_status terrace_pool_close(terrace_pool pool);
/// Not zeroed. `alignment`: a power of two, 0: 16. A block of 0 bytes is one. TERRACE_NO_ROOM.
TERRACE_API terrace_status terrace_pool_allocate(terrace_pool pool, uint64_t bytes,
                                                 uint64_t alignment, void** address);
/// `address` is a live block of this pool, which is not checked, or NULL.
TERRACE_API terrace_status terrace_pool_free(terrace_pool pool, void* address);

#ifdef __cplusplus
}
#endif
