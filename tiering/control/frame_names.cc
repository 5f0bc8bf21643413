// SPDX-License-Identifier: Apache-2.0
#include "tiering/control/frame_names.h"

#include "profiler/heat/label.h"
#include "tiering/control/os/code_places.h"

namespace terrace::control {

std::vector<std::string> name_objects(pid_t pid, const std::vector<NamedObject>& objects) {
  const os::CodePlaces places = os::CodePlaces::of(pid);
  heat::Labeller labeller;
  std::vector<std::string> labels;
  for (const NamedObject& one : objects) {
    session::Object object{};
    object.record.origin = static_cast<std::uint32_t>(one.origin);
    object.path = one.path;
    for (const std::uint64_t address : one.frames) {
      os::CodePlace place = places.at(address);
      object.frames.push_back({std::move(place.module), place.offset});
    }
    labels.push_back(labeller.label(object));
  }
  return labels;
}

}  // namespace terrace::control
