// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/wall_validate.h"

#include <cmath>
#include <cstdio>

#include <fmt/format.h>

#include "tiering/cli/json_document.h"
#include "tiering/cli/messages.h"
#include "tiering/cli/wall_choices.h"
#include "tiering/cli/wall_text.h"
#include "tiering/wall/points_load.h"

namespace terrace::cli {
namespace {

using Json = nlohmann::ordered_json;
using wall::Form;

Form form_choice(const Settings& settings) {
  for (const Form form : wall::all_forms()) {
    if (settings.text("form") == wall::name_of(form)) return form;
  }
  return Form::kFull;
}

Json point_to_json(const wall::PointError& point) {
  return {{"point", point.label},
          {"measured", point.measured},
          {"predicted", point.predicted},
          {"error_pct", point.error() * 100}};
}

void print_validation(const Settings& settings, const wall::Validation& validation) {
  if (!settings.flag("json")) {
    std::fputs(validation_as_text(validation).c_str(), stdout);
    return;
  }
  Json document = json_document("wall-validation", "", false);
  document["n"] = validation.points.size();
  document["mape_pct"] = validation.mean_absolute_error * 100;
  document["worst"] = point_to_json(validation.points[validation.worst]);
  document["worst_pct"] = std::abs(validation.points[validation.worst].error()) * 100;
  document["left_out"] = settings.flag("leave-one-hardware-out");
  document["form"] = settings.text("form");
  document["points"] = Json::array();
  for (const wall::PointError& point : validation.points)
    document["points"].push_back(point_to_json(point));
  print_json(document);
}

Result<int> refit(const std::vector<wall::SpeedPoint>& points, Form form,
                  wall::FittedConstants constants) {
  const auto left_out = wall::validate_left_out(points, form);
  if (!left_out.ok()) return left_out.error();
  constants.fit = wall::fit_decode(points, form);
  constants.fit.spread = wall::spread_of(*left_out);
  constants.left_out_error = left_out->mean_absolute_error;
  constants.points = points.size();
  std::fputs(wall::constants_as_toml(constants).c_str(), stdout);
  return 0;
}

}  // namespace

Result<int> validate_wall(const Settings& settings, const wall::WallCatalogue& catalogue) {
  const Result<std::string> path = required_text(settings, "points", "speeds.csv");
  if (!path.ok()) return path.error();
  const auto rows = wall::read_points(*path);
  if (!rows.ok()) return rows.error();
  const auto points = wall::points_with_loads(catalogue, *rows, *path);
  if (!points.ok()) return points.error();
  const Form form = form_choice(settings);
  if (settings.flag("refit")) return refit(*points, form, catalogue.constants());
  const bool leave_out = settings.flag("leave-one-hardware-out");
  const wall::DecodeFit fit =
      form == Form::kFull ? catalogue.constants().fit : wall::fit_decode(*points, form);
  const Result<wall::Validation> validation =
      leave_out ? wall::validate_left_out(*points, form) : wall::validate(*points, fit);
  if (!validation.ok()) return validation.error();
  print_validation(settings, *validation);
  if (!settings.given("max-error")) return 0;
  const double most = settings.fraction("max-error");
  if (validation->mean_absolute_error <= most) return 0;
  say_error(fmt::format("the mean absolute error is {:.1f} %, more than {:.1f} %",
                        validation->mean_absolute_error * 100, most * 100));
  return 1;
}

}  // namespace terrace::cli
