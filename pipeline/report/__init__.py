"""From a month's tables to what people receive: packages per unit, the month's workbook, page and numbers."""
