// SPDX-License-Identifier: Apache-2.0
#include "tiering/names/name_session.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "profiler/heat/label.h"
#include "profiler/sites/site_hash.h"
#include "tiering/names/buffer_layout.h"
#include "tiering/names/os/file_facts.h"
#include "tiering/names/tensor_buffers.h"

namespace terrace::names {
namespace {

using session::MemoryClass;
using session::NamedHow;
using session::NamedRange;
using session::NamesFile;
using session::Object;
using session::ObjectNames;

// What the file tells of its layout holds; that memory was filled from this very content does not.
constexpr std::uint8_t kChangedFile = 50;

std::string base_name(const std::string& path) {
  return path.substr(path.find_last_of('/') + 1);
}

bool named_by_engine(const Object& object) {
  return std::any_of(object.names.begin(), object.names.end(),
                     [](const NamedRange& range) { return range.how == NamedHow::kApi; });
}

std::string with_turn(std::string name, std::uint64_t turn) {
  const auto at = name.find("{n}");
  return at == name.npos ? name : name.replace(at, 3, std::to_string(turn));
}

class Namer {
 public:
  Namer(const session::Session& session, const NamingInput& input)
      : session_(session), input_(input), turns_(input.rules.size()) {}

  Result<Naming> run() {
    for (const std::string& path : input_.told) {
      auto model = read_model_tensors(path);
      if (!model) return model.error();
      add(std::move(*model));
    }
    for (const SeenModel& seen : input_.seen) read(seen.file.path);
    for (const Object& object : session_.objects) {
      if (!object.path.empty() && is_model_file(object.path)) read(object.path);
    }
    for (const Object& object : session_.objects) {
      if (!named_by_engine(object)) name(object);
    }
    name_single_tensors();
    return std::move(naming_);
  }

 private:
  struct Model {
    ModelTensors tensors;
    std::vector<bool> changed;  ///< for each file: since the recording began
    std::map<std::uint64_t, Result<std::vector<NamedRange>>> buffers;  ///< by size
  };
  struct Site {
    std::vector<std::string> symbols;
    std::vector<std::string> modules;
  };

  void note(const std::string& text) {
    if (noted_.insert(text).second) naming_.notes.push_back(text);
  }

  void read(const std::string& path) {
    const bool known = std::any_of(models_.begin(), models_.end(), [&](const Model& model) {
      return model.tensors.file_of(path) != model.tensors.files.size();
    });
    if (known || !tried_.insert(path).second) return;
    auto model = read_model_tensors(path);
    if (model) {
      add(std::move(*model));
    } else {
      note(model.error().message);
    }
  }

  void add(ModelTensors tensors) {
    Model& model = models_.emplace_back();
    for (const NamesFile& file : tensors.files) {
      model.changed.push_back(is_changed(file));
      if (model.changed.back()) {
        note(file.path + " was changed after the recording began: its names may be wrong");
      }
    }
    model.tensors = std::move(tensors);
  }

  bool is_changed(const NamesFile& file) const {
    for (const SeenModel& seen : input_.seen) {
      if (seen.file.path == file.path) return !seen.file.same_content(file);
    }
    for (const Object& object : session_.objects) {
      const NamesFile& before = object.names_file;
      if (before.path == file.path) return !before.same_content(file);
    }
    return file.changed_ns > 0 && static_cast<std::uint64_t>(file.changed_ns) > recording_began();
  }

  /// The header's begin is a later one where a part of the recording is read.
  std::uint64_t recording_began() const {
    const std::uint64_t whole = session_.recorded_since_realtime_ns;
    return whole != 0 ? whole : session_.header.start_realtime_ns;
  }

  void keep(const Object& object, std::vector<NamedRange> ranges, const Model* model,
            std::size_t file) {
    ObjectNames names;
    names.object = object.record.object;
    if (model != nullptr) {
      names.file = model->tensors.files[file];
      if (model->changed[file]) {
        for (NamedRange& range : ranges) {
          range.confidence = std::min(range.confidence, kChangedFile);
        }
      }
    }
    names.ranges = std::move(ranges);
    naming_.objects.push_back(std::move(names));
  }

  void name(const Object& object) {
    if (object.record.origin == static_cast<std::uint32_t>(Origin::kFile)) {
      name_mapping(object);
      return;
    }
    const std::optional<NamedRange> whole = by_site(object);
    const bool may_be_weights = !whole || whole->memory_class == MemoryClass::kWeight ||
                                whole->memory_class == MemoryClass::kUnknown;
    if (may_be_weights && name_buffer(object, whole.has_value())) return;
    if (whole) {
      keep(object, {*whole}, nullptr, 0);
    } else {
      unnamed_.push_back(&object);
    }
  }

  void name_mapping(const Object& object) {
    for (const Model& model : models_) {
      const std::size_t file = model.tensors.file_of(object.path);
      if (file == model.tensors.files.size()) continue;
      const NamesFile& facts = model.tensors.files[file];
      const std::uint64_t from_start =
          sites::file_site_hash(object.path.c_str(), facts.size_bytes, 0);
      if (from_start != object.record.site_hash) {
        note(object.path + ": a mapping of " + std::to_string(object.record.size_bytes) +
             " bytes is not of this file as it is now, or not from its beginning; left unnamed");
        return;
      }
      keep(object, ranges_of_mapping(model.tensors, file, 0, Bytes(object.record.size_bytes)),
           &model, file);
      return;
    }
  }

  bool name_buffer(const Object& object, bool is_weights) {
    const std::uint64_t size = object.record.size_bytes;
    for (Model& model : models_) {
      auto known = model.buffers.find(size);
      if (known == model.buffers.end()) {
        known = model.buffers.emplace(size, ranges_of_buffer(model.tensors, Bytes(size))).first;
      }
      if (known->second) {
        keep(object, *known->second, &model, 0);
        return true;
      }
      if (is_weights) note(known->second.error().message);
    }
    return false;
  }

  const Site& site_of(const Object& object) {
    const auto [at, is_new] = sites_.try_emplace(object.record.site_hash);
    if (!is_new) return at->second;
    for (const session::Frame& frame : object.frames) {
      at->second.symbols.push_back(labeller_.name(frame));
      at->second.modules.push_back(base_name(frame.module));
    }
    return at->second;
  }

  std::optional<NamedRange> by_site(const Object& object) {
    const Site& site = site_of(object);
    const SiteFacts facts{site.symbols, site.modules, Bytes(object.record.size_bytes)};
    for (std::size_t i = 0; i < input_.rules.size(); ++i) {
      const SiteRule& rule = input_.rules[i];
      if (!matches(rule, facts)) continue;
      const std::uint64_t turn = turns_[i]++;
      if (rule.turn && *rule.turn != turn) continue;
      return NamedRange{
          with_turn(rule.name, turn), rule.memory_class, 0, facts.size, rule.confidence,
          NamedHow::kSiteRule};
    }
    return std::nullopt;
  }

  void name_single_tensors() {
    std::vector<BufferSize> buffers;
    for (const Object* object : unnamed_) {
      buffers.push_back({object->record.object, Bytes(object->record.size_bytes)});
    }
    for (const Model& model : models_) {
      for (const TensorBuffer& match : match_tensor_buffers(model.tensors, buffers)) {
        const ModelTensor& tensor = model.tensors.tensors[match.tensor];
        keep(*unnamed_[match.buffer], ranges_of_tensor(tensor, kTensorBufferConfidence), &model,
             tensor.file);
      }
    }
  }

  const session::Session& session_;
  const NamingInput& input_;
  std::vector<std::uint64_t> turns_;
  std::vector<Model> models_;
  std::set<std::string> tried_;
  std::set<std::string> noted_;
  std::map<std::uint64_t, Site> sites_;
  std::vector<const Object*> unnamed_;
  heat::Labeller labeller_;
  Naming naming_;
};

}  // namespace

Result<Naming> name_session(const session::Session& session, const NamingInput& input) {
  return Namer(session, input).run();
}

void apply_names(session::Session& session, const Naming& naming) {
  std::map<std::uint64_t, const ObjectNames*> by_object;
  for (const ObjectNames& names : naming.objects) by_object[names.object] = &names;
  for (Object& object : session.objects) {
    const auto found = by_object.find(object.record.object);
    if (found == by_object.end()) continue;
    object.names = found->second->ranges;
    object.names_file = found->second->file;
  }
}

}  // namespace terrace::names
