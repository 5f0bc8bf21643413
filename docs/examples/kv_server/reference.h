// SPDX-License-Identifier: Apache-2.0
// What the answers have to be: the same model over keys and values in a plain array of the
// conversation's own, which nobody shares, moves or drops.
#pragma once

#include <vector>

#include "model.h"

namespace kv_server {

class Reference : public KeysValues {
 public:
  /// Computes the tokens that come next; the last one's answer.
  Answer extend(const Model& model, const std::vector<Token>& tokens) {
    Answer answer;
    for (const Token token : tokens) {
      values_.resize(values_.size() + kLayers * kKeyValue);
      answer = model.compute(token, count_, *this);
      ++count_;
    }
    return answer;
  }
  std::size_t count() const { return count_; }

  void enter_layer(std::size_t) override {}
  float* at(std::size_t layer, std::size_t position) override {
    return values_.data() + (position * kLayers + layer) * kKeyValue;
  }

 private:
  std::vector<float> values_;
  std::size_t count_ = 0;
};

}  // namespace kv_server
