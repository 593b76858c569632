// SPDX-License-Identifier: Apache-2.0
#include "steepest/objective.hpp"

#include <optional>
#include <string>
#include <utility>

#include "src/train/option_text.hpp"
#include "steepest/error.hpp"

namespace steepest {
namespace {

// Calls body with a default-made value of every alternative of RowLoss, in order.
template <class Body, std::size_t... I>
void for_each_loss(Body body, std::index_sequence<I...> /*indexes*/) {
  (body(std::variant_alternative_t<I, RowLoss>{}), ...);
}

template <class Body>
void for_each_loss(Body body) {
  for_each_loss(body, std::make_index_sequence<std::variant_size_v<RowLoss>>());
}

}  // namespace

std::string_view name(const RowLoss& loss) {
  return std::visit([](const auto& chosen) { return std::string_view(chosen.name); }, loss);
}

bool classifies(const RowLoss& loss) {
  return std::visit([](const auto& chosen) { return chosen.classifies; }, loss);
}

double curvature(const RowLoss& loss) {
  return std::visit([](const auto& chosen) { return chosen.curvature; }, loss);
}

RowLoss row_loss_named(std::string_view name) {
  std::optional<RowLoss> found;
  for_each_loss([&](auto loss) {
    if (name == loss.name) {
      found = loss;
    }
  });
  if (!found) {
    throw OptionError("loss \"" + std::string(name) + "\" is not known: use " +
                      join_choices(row_loss_names()));
  }
  return *found;
}

std::vector<std::string_view> row_loss_names() {
  std::vector<std::string_view> names;
  for_each_loss([&](auto loss) { names.emplace_back(loss.name); });
  return names;
}

}  // namespace steepest
