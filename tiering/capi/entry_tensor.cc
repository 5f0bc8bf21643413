// SPDX-License-Identifier: Apache-2.0
// The C API's functions on tensors and jobs: checks, and one call each.
#include "tiering/capi/entry.h"

using namespace terrace::capi;  // NOLINT(google-build-using-namespace): their C face

terrace_status terrace_allocate(terrace_context context, const terrace_tensor_options* options,
                                terrace_tensor* tensor, void** address) {
  return in_context(context, [&](Context& inside) -> terrace_status {
    terrace_tensor_options known{};
    if (tensor == nullptr) return fail_null("terrace_allocate: tensor");
    terrace_status done = read_struct(options, "terrace_tensor_options", known);
    TensorRef made;
    if (done == TERRACE_OK) done = inside.allocate(known, Naming::kHandle, made);
    if (done != TERRACE_OK) return done;
    tensor->id = made->handle;
    if (address != nullptr) *address = made->address;
    return TERRACE_OK;
  });
}

terrace_status terrace_adopt(terrace_context context, void* address,
                             const terrace_tensor_options* options, terrace_tensor* tensor) {
  return in_context(context, [&](Context& inside) -> terrace_status {
    terrace_tensor_options known{};
    if (tensor == nullptr) return fail_null("terrace_adopt: tensor");
    terrace_status done = read_struct(options, "terrace_tensor_options", known);
    TensorRef made;
    if (done == TERRACE_OK) done = inside.adopt(address, known, made);
    if (done == TERRACE_OK) tensor->id = made->handle;
    return done;
  });
}

terrace_status terrace_resize(terrace_tensor tensor, uint64_t bytes, void** address) {
  return with(tensor, [&](Context& inside, const TensorRef& found) -> terrace_status {
    void* at = nullptr;
    const terrace_status done = inside.resize(found, terrace::Bytes(bytes), at);
    if (done == TERRACE_OK && address != nullptr) *address = at;
    return done;
  });
}

terrace_status terrace_free(terrace_tensor tensor) {
  return with(tensor, [](Context& inside, const TensorRef& found) -> terrace_status {
    return inside.free(found);
  });
}

terrace_status terrace_tensor_at(terrace_context context, const void* address,
                                 terrace_tensor* tensor) {
  return in_context(context, [&](Context& inside) -> terrace_status {
    if (tensor == nullptr) return fail_null("terrace_tensor_at: tensor");
    return inside.tensor_at(address, tensor->id);
  });
}

terrace_status terrace_get_tensor(terrace_tensor tensor, terrace_tensor_info* info) {
  return with(tensor, [&](Context& inside, const TensorRef& found) -> terrace_status {
    return write_struct(inside.tensor_info(*found), "terrace_tensor_info", info);
  });
}

terrace_status terrace_look(terrace_tensor tensor, uint32_t samples, uint32_t* tiers,
                            uint32_t* absent) {
  return with(tensor, [&](Context& inside, const TensorRef& found) -> terrace_status {
    if (tiers == nullptr || absent == nullptr) return fail_null("terrace_look: tiers or absent");
    return inside.look(found, samples, tiers, *absent);
  });
}

terrace_status terrace_load(terrace_tensor tensor, const terrace_load_options* options,
                            terrace_load_report* report) {
  return with(tensor, [&](Context& inside, const TensorRef& found) -> terrace_status {
    terrace_load_options known{};
    const terrace_status read = read_struct(options, "terrace_load_options", known);
    if (read != TERRACE_OK) return read;
    if (report != nullptr) {
      const terrace_status sized =
          check_size<terrace_load_report>(report->struct_size, "terrace_load_report");
      if (sized != TERRACE_OK) return sized;
    }
    terrace_load_report told{};
    const terrace_status done = inside.load(found, known, told);
    if (report == nullptr || (done != TERRACE_OK && done != TERRACE_CORRUPT)) return done;
    const terrace_status written = write_struct(told, "terrace_load_report", report);
    return written == TERRACE_OK ? done : written;
  });
}

terrace_status terrace_next_use(terrace_tensor tensor, uint64_t steps_ahead, uint32_t phase) {
  return with(tensor, [&](Context& inside, const TensorRef& found) -> terrace_status {
    inside.next_use(*found, steps_ahead, phase);
    return TERRACE_OK;
  });
}

terrace_status terrace_touch(terrace_tensor tensor, uint64_t read_bytes, uint64_t written_bytes) {
  return with(tensor, [&](Context& inside, const TensorRef& found) -> terrace_status {
    inside.touch(*found, read_bytes, written_bytes);
    return TERRACE_OK;
  });
}

terrace_status terrace_pin(terrace_tensor tensor) {
  return with(tensor, [](Context& inside, const TensorRef& found) -> terrace_status {
    return inside.pin(found);
  });
}

terrace_status terrace_unpin(terrace_tensor tensor) {
  return with(tensor, [](Context& inside, const TensorRef& found) -> terrace_status {
    return inside.unpin(found);
  });
}

terrace_status terrace_migrate(terrace_tensor tensor, const terrace_move_options* options,
                               terrace_job* job) {
  return with(tensor, [&](Context& inside, const TensorRef& found) -> terrace_status {
    terrace_move_options known{};
    if (job == nullptr) return fail_null("terrace_migrate: job");
    const terrace_status read = read_struct(options, "terrace_move_options", known);
    return read == TERRACE_OK ? inside.migrate(found, known, job->id) : read;
  });
}

terrace_status terrace_prefetch(terrace_tensor tensor, int32_t priority, terrace_job* job) {
  return with(tensor, [&](Context& inside, const TensorRef& found) -> terrace_status {
    if (job == nullptr) return fail_null("terrace_prefetch: job");
    return inside.prefetch(found, priority, job->id);
  });
}

terrace_status terrace_job_poll(terrace_job job, terrace_job_info* info) {
  return with(job, [&](Context& inside, const JobRef& found) -> terrace_status {
    return write_struct(inside.job_info(found), "terrace_job_info", info);
  });
}

terrace_status terrace_job_wait(terrace_job job, uint64_t timeout_ns) {
  return with(job, [&](Context& inside, const JobRef& found) -> terrace_status {
    return inside.wait(found, timeout_ns);
  });
}

terrace_status terrace_job_cancel(terrace_job job) {
  return with(job, [](Context& inside, const JobRef& found) -> terrace_status {
    inside.cancel(found);
    return TERRACE_OK;
  });
}

terrace_status terrace_job_end(terrace_job job) {
  return in_context(job, [&](Context& inside) { return inside.end_job(job.id); });
}
