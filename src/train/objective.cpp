// SPDX-License-Identifier: Apache-2.0
#include "steepest/objective.hpp"

#include <fmt/format.h>

#include <iterator>
#include <optional>
#include <string>
#include <type_traits>

#include "src/train/option_text.hpp"
#include "steepest/error.hpp"

namespace steepest {
namespace {

constexpr std::string_view forms[] = {"squared", "huber:D",  "quantile:Q",
                                      "poisson", "logistic", "softmax"};
static_assert(std::size(forms) == std::variant_size_v<RowLoss>);

// "NAME:VALUE" cut at the colon; no value where there is none.
struct NameAndValue {
  std::string_view name;
  std::optional<double> value;
};

NameAndValue parse(std::string_view text) {
  const std::size_t colon = text.find(':');
  NameAndValue parsed{text.substr(0, colon), std::nullopt};
  if (colon != std::string_view::npos) {
    parsed.value = parse_option_number("loss " + std::string(parsed.name), text.substr(colon + 1));
  }
  return parsed;
}

// Sets the loss's parameter, where it has one. Throws OptionError.
template <class Loss>
void set_parameter(Loss& loss, std::optional<double> value) {
  if constexpr (std::is_same_v<Loss, HuberLoss>) {
    if (!value || !(*value > 0.0)) {
      throw OptionError(
          "loss huber needs the error above 0, in units of the target, from which on it counts "
          "linearly: huber:D, as in huber:1.5");
    }
    loss.delta = *value;
  } else if constexpr (std::is_same_v<Loss, QuantileLoss>) {
    if (!value || !(*value > 0.0 && *value < 1.0)) {
      throw OptionError(
          "loss quantile needs a level between 0 and 1: quantile:Q, as in quantile:0.9");
    }
    loss.level = *value;
  } else if (value) {
    throw OptionError(fmt::format("loss {} takes no value: leave out :{}", Loss::name, *value));
  }
}

template <std::size_t I = 0>
std::optional<RowLoss> find_loss(const NameAndValue& wanted) {
  if constexpr (I == std::variant_size_v<RowLoss>) {
    return std::nullopt;
  } else {
    std::variant_alternative_t<I, RowLoss> loss{};
    if (wanted.name == loss.name) {
      set_parameter(loss, wanted.value);
      return loss;
    }
    return find_loss<I + 1>(wanted);
  }
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

std::string to_string(const RowLoss& loss) {
  if (const auto* const huber = std::get_if<HuberLoss>(&loss)) {
    return fmt::format("{}:{}", huber->name, huber->delta);
  }
  if (const auto* const quantile = std::get_if<QuantileLoss>(&loss)) {
    return fmt::format("{}:{}", quantile->name, quantile->level);
  }
  return std::string(name(loss));
}

RowLoss row_loss_named(std::string_view text) {
  const std::optional<RowLoss> found = find_loss(parse(text));
  if (!found) {
    throw OptionError("loss \"" + std::string(text) + "\" is not known: use " +
                      join_choices(row_loss_names()));
  }
  return *found;
}

std::vector<std::string_view> row_loss_names() { return {std::begin(forms), std::end(forms)}; }

}  // namespace steepest
