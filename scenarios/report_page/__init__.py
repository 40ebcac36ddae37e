"""The after-action report as one self-contained page; what it shows is measured in scenarios/report.py."""

from scenarios.report_page.page import report_html as report_html
