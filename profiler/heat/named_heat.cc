// SPDX-License-Identifier: Apache-2.0
#include "profiler/heat/named_heat.h"
#include "allocators/base/block_bytes.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace terrace::heat {
namespace {

constexpr std::uint64_t kBlock = kBlockBytes.value;

/// What one name has of one block.
struct Piece {
  std::size_t name = 0;
  std::size_t block = 0;
  double bytes = 0;
};

double bytes_of_block(const ObjectHeat& object, std::size_t block) {
  return static_cast<double>(bytes_in_block(Bytes(object.key.size_bytes), block).value);
}

/// Heat for each byte.
double density(const ObjectHeat& object, std::size_t block) {
  const double bytes = bytes_of_block(object, block);
  return bytes > 0 ? object.block_bytes_per_second[block] / bytes : 0;
}

/// In order of block, since names are in order of address.
std::vector<Piece> pieces_of(const std::vector<session::NamedRange>& names,
                             const ObjectHeat& object) {
  std::vector<Piece> pieces;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::uint64_t end = names[i].first_byte + names[i].size.value;
    for (std::uint64_t at = names[i].first_byte; at < end;) {
      const std::size_t block = at / kBlock;
      if (block >= object.block_bytes_per_second.size()) break;
      const std::uint64_t next = std::min(end, (block + 1) * kBlock);
      pieces.push_back({i, block, static_cast<double>(next - at)});
      at = next;
    }
  }
  return pieces;
}

struct Density {
  double value = 0;
  bool own = false;  ///< by blocks that are the name's own; else by all that it lies in
};

std::vector<Density> densities_of(const std::vector<Piece>& pieces, const ObjectHeat& object,
                                  std::size_t names) {
  struct Sums {
    double rate = 0;
    double bytes = 0;
    void add(double density, double size) {
      rate += density * size;
      bytes += size;
    }
    double density() const { return bytes > 0 ? rate / bytes : 0; }
  };
  std::vector<Sums> own(names);
  std::vector<Sums> all(names);
  for (const Piece& piece : pieces) {
    const double here = density(object, piece.block);
    all[piece.name].add(here, piece.bytes);
    if (piece.bytes == bytes_of_block(object, piece.block)) own[piece.name].add(here, piece.bytes);
  }
  std::vector<Density> densities;
  densities.reserve(names);
  for (std::size_t i = 0; i < names; ++i) {
    const bool has_own = own[i].bytes > 0;
    densities.push_back({has_own ? own[i].density() : all[i].density(), has_own});
  }
  return densities;
}

/// What a block may be passed, by the densities of what lies in it.
struct Range {
  double least = 0;
  double most = 0;
  double outside(double value) const {
    return std::max(0.0, std::max(least - value, value - most));
  }
};

class Splitter {
 public:
  Splitter(const ObjectHeat& object, std::vector<Density> densities, std::vector<NamedHeat>& heat)
      : object_(object), densities_(std::move(densities)), heat_(heat), open_(heat.size()) {}

  /// [begin, end): all pieces of one block.
  void split(const Piece* begin, const Piece* end) {
    const double even = density(object_, begin->block);
    double unnamed = bytes_of_block(object_, begin->block);
    for (const Piece* at = begin; at != end; ++at) unnamed -= at->bytes;
    unnamed = std::max(0.0, unnamed);
    double weight = unnamed * even;
    Range passes;
    for (const Piece* at = begin; at != end; ++at) {
      const double density = densities_[at->name].value;
      weight += density * at->bytes;
      passes.least = std::max(passes.least, density);
      passes.most += density;
    }
    const double rate = object_.block_bytes_per_second[begin->block];
    for (const Piece* at = begin; at != end; ++at) {
      const auto [density, own] = densities_[at->name];
      const double by_size = even * at->bytes;
      const double by_density = weight > 0 ? rate * density * at->bytes / weight : by_size;
      const double unexplained = unnamed > 0 ? even - density : passes.outside(even);
      heat_[at->name].bytes_per_second += own ? density * at->bytes : by_density;
      open_[at->name] += std::pow(own ? unexplained * at->bytes : by_density - by_size, 2);
      add_tier(*at);
    }
  }

  void set_errors() {
    const double whole = object_.bytes_per_second();
    for (std::size_t i = 0; i < heat_.size(); ++i) {
      const double rate = heat_[i].bytes_per_second;
      if (rate <= 0 || whole <= 0) continue;
      const double counts = object_.relative_error / std::sqrt(std::min(rate / whole, 1.0));
      const double error = std::hypot(counts, std::sqrt(open_[i]) / rate);
      // What is left of exact figures is the rounding of doubles.
      constexpr double kRounding = 1e-9;
      heat_[i].relative_error = error < kRounding ? 0 : error;
    }
  }

 private:
  void add_tier(const Piece& piece) {
    std::vector<double>& tiers = heat_[piece.name].tier_bytes;
    const bool known = piece.block < object_.block_tiers.size();
    const std::size_t tier = known ? object_.block_tiers[piece.block] : 0;
    if (tier < tiers.size()) tiers[tier] += piece.bytes;
  }

  const ObjectHeat& object_;
  std::vector<Density> densities_;
  std::vector<NamedHeat>& heat_;
  std::vector<double> open_;  ///< squares of what each split leaves open
};

}  // namespace

std::vector<NamedHeat> heat_by_name(const std::vector<session::NamedRange>& names,
                                    const ObjectHeat& object, std::size_t tier_count) {
  std::vector<NamedHeat> heat(names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    heat[i].range = names[i];
    heat[i].tier_bytes.resize(tier_count);
  }
  const std::vector<Piece> pieces = pieces_of(names, object);
  Splitter splitter(object, densities_of(pieces, object, names.size()), heat);
  for (std::size_t begin = 0; begin < pieces.size();) {
    std::size_t end = begin + 1;
    while (end < pieces.size() && pieces[end].block == pieces[begin].block) ++end;
    splitter.split(pieces.data() + begin, pieces.data() + end);
    begin = end;
  }
  splitter.set_errors();
  return heat;
}

}  // namespace terrace::heat
